# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record that an older version of the collection wrote is read as if today's had written it.

The record of schema version 1 was written by the code of that time; its series are shortened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._migrations import STEPS, migrated
from ansible_collections.stsm.live_migration.plugins.module_utils._record import check, read
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SCHEMA_VERSION
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record


@pytest.fixture
def old() -> dict[str, Any]:
    built: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "record_of_schema_1.json").read_text())
    assert built["schema_version"] == 1
    return built


def test_there_is_a_step_from_each_older_version() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_an_old_record_follows_todays_schema(old: dict[str, Any]) -> None:
    today = migrated(old)
    assert today is not None
    check(today)
    assert (today["scenario"]["guests"], today["guest_number"], today["group_id"]) == (1, 1, old["run_id"])
    assert today["summary"]["group_time_ms"] == old["summary"]["total_time_ms"]
    assert today["raw"]["group"]["guest"] == old["scenario"]["guest"]["name"]
    assert old["schema_version"] == 1, "the record itself is left alone"


def test_it_is_of_the_same_cell_as_a_new_run_of_the_same(old: dict[str, Any]) -> None:
    today, new = migrated(old), record("hybrid")
    assert today is not None
    assert today["scenario_hash"] == new["scenario_hash"] == Scenario.from_dict(new["scenario"]).hash
    assert today["cell_key"] == new["cell_key"]


def test_a_file_may_hold_both(old: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(f"{json.dumps(old)}\n{json.dumps(record('hybrid'))}\n")
    found = read(path)
    assert [built["schema_version"] for built in found] == [SCHEMA_VERSION] * 2
    assert csv_text(found).count("\n") == 3


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, None, "1"])
def test_there_is_no_way_from_elsewhere(old: dict[str, Any], version: object) -> None:
    assert migrated({**old, "schema_version": version}) is None


def test_a_record_of_version_2_follows_todays_schema() -> None:
    built = record("hybrid")
    untold = ("daemon_cpu_seconds_source", "daemon_cpu_seconds_destination")
    summary = {name: value for name, value in built["summary"].items() if name not in (*untold, "postcopy_paused_ms")}
    today = migrated({**built, "schema_version": 2, "summary": summary})
    assert today is not None
    check(today)
    assert {today["summary"][name] for name in untold} == {None}
    assert today["summary"]["postcopy_paused_ms"] == built["summary"]["postcopy_paused_ms"] == 0.0


def test_half_a_record_is_none(old: dict[str, Any]) -> None:
    del old["summary"]
    assert migrated(old) is None
