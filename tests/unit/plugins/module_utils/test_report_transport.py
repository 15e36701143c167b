# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figure of tunnel and TLS holds against what, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._report_transport import (
    answers,
    cpu_seconds,
    direct,
    pairs,
    transport,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record

SECONDS = {"pre-copy": 4, "hybrid": 5, "tls-pre-copy": 8, "tunnelled-pre-copy": 12, "tunnelled-hybrid": 9}


def campaign() -> list[dict[str, Any]]:
    """Two runs by each strategy, whose times are known."""
    return [
        record(name, 0.25, repetition, total_time_ms=seconds * 1000 + repetition, downtime_events_ms=seconds)
        for name, seconds in SECONDS.items()
        for repetition in (1, 2)
    ]


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


def test_the_answers_are_ratios_of_medians() -> None:
    said = answers(pairs(cells(campaign())))
    assert said[1] == "tunnelled-pre-copy / pre-copy at 0.25 x link: 3 times the total time and 3 times the blackout."
    assert said[-1].startswith("tunnelled-hybrid / tunnelled-pre-copy at 0.25 x link: 0.75 times the total time")


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
