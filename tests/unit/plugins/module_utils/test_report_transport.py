# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figure of tunnel and TLS holds against what, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._record import build
from ansible_collections.stsm.live_migration.plugins.module_utils._report_transport import (
    answers,
    cpu_seconds,
    direct,
    pairs,
    transport,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import not_converged
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record

SECONDS = {"pre-copy": 4, "hybrid": 5, "tls-pre-copy": 8, "tunnelled-pre-copy": 12, "tunnelled-hybrid": 9}


def campaign() -> list[dict[str, Any]]:
    """Two runs by each strategy, whose times are known."""
    return [
        record(name, 0.25, repetition, total_time_ms=seconds * 1000 + repetition, downtime_events_ms=seconds)
        for name, seconds in SECONDS.items()
        for repetition in (1, 2)
    ]


def not_moved(name: str) -> dict[str, Any]:
    """A run that its time limit ended."""
    return build(not_converged(name), "first", 1, "group-not-moved")


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("pre-copy", None),
        ("multifd-hybrid", None),
        ("tls-pre-copy", "pre-copy"),
        ("tls-hybrid", "hybrid"),
        ("tunnelled-pre-copy", "pre-copy"),
        ("tunnelled-hybrid", "hybrid"),
    ],
)
def test_each_is_held_against_what_does_the_same_in_clear(name: str, reference: str | None) -> None:
    assert direct(name) == reference


def test_the_tunnel_s_hybrid_is_also_held_against_the_tunnel_s_pre_copy() -> None:
    told = [(p.cell.scenario.strategy.name, p.reference.scenario.strategy.name) for p in pairs(cells(campaign()))]
    assert told == [
        ("tls-pre-copy", "pre-copy"),
        ("tunnelled-pre-copy", "pre-copy"),
        ("tunnelled-hybrid", "hybrid"),
        ("tunnelled-hybrid", "tunnelled-pre-copy"),
    ]


def test_the_answers_are_ratios_of_medians_over_all_settings() -> None:
    tunnel, tls, hybrid = answers(cells(campaign()))
    assert tunnel.startswith(
        "Through the tunnel against in clear: 1.8 to 3 times the total time, 1.8 to 3 times the blackout and "
    )
    assert tls.startswith("With native TLS against in clear: 2 times the total time, 2 times the blackout and ")
    assert hybrid.startswith("Hybrid against pre-copy, both through the tunnel: 0.75 times the total time, 0.75 times")


def test_a_guest_that_only_hybrid_moves_through_the_tunnel_is_the_best_answer() -> None:
    moved = [record("tunnelled-hybrid", 1.6)]
    assert answers(cells([*moved, not_moved("tunnelled-pre-copy")]))[-1] == (
        "At 1 setting pre-copy through the tunnel did not move the guest, and hybrid through the tunnel did."
    )
    assert answers(cells([*moved, record("tunnelled-pre-copy", 1.6)]))[-1].startswith("Hybrid against pre-copy")


def test_processor_time_is_that_of_both_ends_and_both_programs_or_unknown() -> None:
    run = record("hybrid", daemon_cpu_seconds_source=None)
    assert cpu_seconds(run) is None
    for number, key in enumerate(("cpu_seconds_source", "cpu_seconds_destination"), start=1):
        run["summary"].update({key: number, f"daemon_{key}": number / 2})
    assert cpu_seconds(run) == 4.5


def test_the_figure_is_drawn_where_there_is_something_to_compare() -> None:
    pytest.importorskip("matplotlib")
    drawn = transport(cells(campaign()), [])
    assert drawn is not None
    assert "tunnelled-hybrid / tunnelled-pre-copy" in drawn.svg
    assert transport(cells([record("pre-copy"), record("hybrid")]), []) is None


def test_the_numbers_of_some_strategies_are_no_settings_in_which_cells_differ() -> None:
    assert {cell.label for cell in cells([record("pre-copy"), record("multifd"), record("xbzrle")])} == {""}
    other = record("multifd", 0.25, 2)
    other["scenario"]["strategy"]["channels"] = 8
    other["cell_key"] = "0" * 64
    assert {cell.label for cell in cells([record("pre-copy"), record("multifd"), other])} == {
        "",
        "strategy.channels 2",
        "strategy.channels 8",
    }
