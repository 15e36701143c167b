# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration did to its guest, from the raw series to figures, table and the comparison with preempt."""

from __future__ import annotations

from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils import _quality
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._report_quality import brownout_curve, fault_latency
from ansible_collections.stsm.live_migration.plugins.module_utils._report_quality_tables import (
    preempt_sentences,
    quality_table,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import light
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record


def run(strategy: str, repetition: int, preempt: bool | None = None, **summary: Any) -> dict[str, Any]:
    built = record(strategy, 1.6, repetition, **summary)
    if preempt is not None:
        names = ["events", *(["postcopy-preempt"] if preempt else [])]
        built["raw"]["migration"]["qemu"] = {"capabilities": names}
    return light(built, {})


def test_faults_of_all_runs_are_counted_together() -> None:
    (cell,) = cells([run("hybrid", 1), run("hybrid", 2)])
    assert sum(_quality.faults(cell)) == 2 * 1_358
    assert _quality.speeds(cell)[2] == (50, 50, 50)


def test_figures_are_drawn_of_cells_that_tell() -> None:
    found = cells([run("hybrid", 1), run("stop-and-copy", 1)])
    faults, curve = fault_latency(found, ["one", "other"]), brownout_curve(found, ["one", "other"])
    assert faults is not None and curve is not None
    assert "1,358" in faults.svg and "no page faults told" in faults.svg
    assert fault_latency(cells([run("stop-and-copy", 1)]), ["one"]) is None


def test_table_has_each_step_of_the_way_back() -> None:
    heading, row = quality_table(cells([run("hybrid", 1, preempt=True)]))
    told = dict(zip(heading, row, strict=True))
    assert told["preempt"] == "yes"
    assert told["99 % below us"] == "4,096"
    assert told["50 % speed after ms"] == "0"
    assert 290 <= float(told["90 % after ms"]) <= 320


def test_preempt_is_held_against_hybrids_without_it() -> None:
    plain = [run("hybrid", number, False, brownout_ms=900 + number) for number in range(1, 7)]
    urgent = [run("preempt-hybrid", number, True, brownout_ms=200 + number) for number in range(1, 7)]
    (sentence,) = preempt_sentences(cells(plain + urgent))
    assert "90 % of the speed after 204 (201 to 206) against 904 (901 to 906) ms (told apart)" in sentence
    assert "99 % of the faults below 4,096 against 4,096 us (not told apart)" in sentence
    # libvirt turns it on by itself, and then there is nothing to compare.
    assert preempt_sentences(cells([run("hybrid", 1, True), run("preempt-hybrid", 1, True)])) == []
