# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign's book-keeping: what is left, what a line says, what the harness took."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import PlannedRun, blocks
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_progress import (
    Progress,
    in_words,
    run_seconds,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import Accelerator
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import damage, record

DEFINITION = Definition.from_dict(
    {"axes": {"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25, 1.6]}, "time_limit_seconds": 15}
)
SITE = {"link": {"rate_mbit_per_second": 1000}}


def planned() -> dict[tuple[str, int], PlannedRun]:
    runs = [run for block in blocks(DEFINITION, SITE) for run in block.runs]
    return {(run.name, run.scenario.repetition): run for run in runs}


@pytest.fixture(name="folder")
def made(tmp_path: Path) -> CampaignFolder:
    return CampaignFolder(tmp_path)


def lines(folder: CampaignFolder) -> list[str]:
    """What was said, without the time of day."""
    said = folder.progress.read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in said)
    return [line[9:] for line in said]


def test_runs_that_are_recorded_are_neither_made_nor_counted_as_left(folder: CampaignFolder) -> None:
    runs = planned()
    first, *others = runs
    progress = Progress(folder, None)
    progress.begin(runs, {first, ("of another stack", 1)})
    assert not progress.wants(first)
    assert all(progress.wants(key) for key in others)
    expected = sum(run_seconds(runs[key].scenario) for key in others)
    assert progress.left_seconds == pytest.approx(expected)
    assert lines(folder) == [f"4 runs, 1 of them recorded already; about {in_words(expected)} for the rest"]


def test_the_first_line_says_on_what_guests_run(folder: CampaignFolder) -> None:
    progress = Progress(folder, None)
    progress.begin(planned(), set(), {Accelerator("kvm", nested_in="tcg")})
    (line,) = lines(folder)
    assert line.startswith("4 runs on kvm (nested in tcg); about ")
    assert progress.result()["accelerator"] == "kvm (nested in tcg)"


def test_cells_that_are_left_out_are_told_once_with_their_reason(folder: CampaignFolder) -> None:
    progress = Progress(folder, None)
    cells = [
        {"run": name, "reason": reason} for name, reason in (("a", "No cloud."), ("b", "Old."), ("c", "No cloud."))
    ]
    for _session in ("first", "second"):
        progress.begin(planned(), set(), left_out=cells)
    assert lines(folder)[1:] == ["left out: a and 1 more: No cloud.", "left out: b: Old."]


def test_a_pre_copy_that_cannot_end_is_expected_to_take_its_time_limit() -> None:
    hopeless, easy = (
        next(run for run in planned().values() if run.cell == {"strategy": "pre-copy", "dirty_rate_of_link": rate})
        for rate in (1.6, 0.25)
    )
    assert run_seconds(hopeless.scenario) == pytest.approx(15 + 2, abs=4)
    assert 4 < run_seconds(easy.scenario) < 12


def test_a_line_says_what_came_of_a_run_and_the_time_left_follows_what_runs_took(folder: CampaignFolder) -> None:
    runs = planned()
    key = next(key for key, run in runs.items() if run.cell["strategy"] == "hybrid")
    progress = Progress(folder, None)
    progress.begin(runs, set())
    before = progress.left_seconds
    taken = 2 * run_seconds(runs[key].scenario)
    progress.tell(key, [[record("hybrid", total_time_ms=4_200, downtime_events_ms=71.4)]], taken)
    assert progress.left_seconds == pytest.approx(2 * (before - run_seconds(runs[key].scenario)))
    left = in_words(progress.left_seconds)
    assert lines(folder)[-1] == f"[1/4] {runs[key].name}: completed in 4.2 s, blackout 71 ms; {left} left"


def test_a_second_try_and_what_makes_it_invalid_are_told(folder: CampaignFolder) -> None:
    bad: dict[str, Any] = record("hybrid")
    bad["valid"] = False
    bad["validators"].append({"name": "dirty_rate", "passed": False, "sentence": "The machine paused."})
    runs = planned()
    progress = Progress(folder, None)
    progress.begin(runs, set())
    progress.tell(next(iter(runs)), [[bad], [bad]], 20)
    assert "(second try): completed in" in lines(folder)[-1]
    assert "not valid (The machine paused);" in lines(folder)[-1]
    assert (progress.result()["measured"], progress.result()["valid"], progress.result()["left"]) == (1, 0, 3)


def test_a_failed_run_is_told_at_the_end_and_does_not_end_the_campaign(folder: CampaignFolder) -> None:
    failed = {**record("hybrid"), "outcome": "failed", "reason": "The migration failed (no space)."}
    runs = planned()
    progress = Progress(folder, None)
    progress.begin(runs, set())
    key = next(iter(runs))
    progress.tell(key, [[failed]], 10)
    assert progress.result()["failures"] == [f"{runs[key].name}: The migration failed (no space)."]
    assert progress.result()["outcomes"] == {"failed": 1}


def test_a_damaged_memory_is_told_even_if_the_second_try_was_good(folder: CampaignFolder) -> None:
    damaged = damage(record("hybrid"))
    runs = planned()
    progress = Progress(folder, None)
    progress.begin(runs, set())
    key = next(iter(runs))
    progress.tell(key, [[damaged], [record("hybrid")]], 20)
    assert progress.result()["failures"] == [f"{runs[key].name} damaged the guest: Page 17 is wrong."]
    assert progress.result()["valid"] == 1


def test_a_run_that_lost_a_host_is_tried_once_more_and_not_for_ever(folder: CampaignFolder) -> None:
    runs = planned()
    key = next(iter(runs))
    progress = Progress(folder, None)
    progress.begin(runs, set())
    progress.tell(key, [[{**record("hybrid"), "outcome": "lost", "reason": "It is gone."}]], 10)
    progress.postpone(key)
    assert progress.wants(key)
    progress.tell(key, [[{**record("hybrid"), "outcome": "lost", "reason": "It is gone."}]], 10)
    progress.postpone(key)
    assert not progress.wants(key)


def test_the_budget_ends_before_a_run_that_it_does_not_allow(folder: CampaignFolder) -> None:
    run = next(iter(planned().values()))
    assert Progress(folder, None).may_begin(run)
    assert Progress(folder, 10).may_begin(run)
    assert not Progress(folder, 0.01).may_begin(run)


def test_what_the_harness_took_is_what_is_neither_migration_nor_warm_up(folder: CampaignFolder) -> None:
    runs = planned()
    progress = Progress(folder, None)
    progress.begin(runs, set())
    seen = record("hybrid", group_time_ms=4_000)
    progress.tell(next(iter(runs)), [[seen]], 8)
    account = progress.account()
    assert account["migration_seconds"] == 4.0
    assert account["warm_up_seconds"] == 2.0
    assert account["overhead_seconds"] == pytest.approx(account["wall_seconds"] - 6.0, abs=0.11)
    assert account["stages"]["cool_down"] == seen["raw"]["stages"]["cool_down"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (7260, "2 h 1 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
