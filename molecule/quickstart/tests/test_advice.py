# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Advice for a guest that runs: its writing is found by libvirt's dirty rate calculation, and the advice holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from measured_pair import begin_module
from quickstart_hosts import GUEST_ADDRESS, benchmark, scenario

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_run import configure
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed, settle_guests

WORKING_SET_MIB, DIRTY_RATE = 128, 190
SECTIONS: dict[str, Any] = {
    "guest": {"memory_mib": 512},
    "workload": {"working_set_mib": WORKING_SET_MIB, "dirty_rate_mib_per_second": DIRTY_RATE, "pattern": "random"},
}


@pytest.fixture
def busy_guest(pair: list[Host]) -> Iterator[str]:
    """The workload guest, writing by itself; it rests again at the end."""
    wanted = scenario("pre-copy", **SECTIONS)
    assert wanted.workload is not None
    with open_testbed(pair, "a test") as testbed:
        (site,) = settle_guests(testbed, wanted, GUEST_ADDRESS)
        assert site.channel is not None
        configure(site.channel, site.source, wanted.workload)
    yield site.guest
    with open_testbed(pair, "a test") as testbed:
        (site,) = settle_guests(testbed, wanted, GUEST_ADDRESS)
        assert site.channel is not None
        site.channel.ask(site.source, "configure", pattern="idle")


def test_advice_is_measured_and_a_run_by_it_comes_out_as_told(
    pair: list[Host], busy_guest: str, tmp_path: Path
) -> None:
    asked = {"guest": busy_guest, "link": {"rate_mbit_per_second": 1000}, "seconds": 4, "time_limit_seconds": 20}
    output, _errors = begin_module("advise_info", pair, **asked).communicate()
    told = json.loads(output)
    assert not told.get("failed"), told
    assert told["guest"]["mode"] == "page-sampling"
    strategies = {row["name"]: row for row in told["strategies"]}
    assert strategies["pre-copy"]["probability"] < 0.5
    assert told["advice"] == "hybrid"

    benchmark(pair, tmp_path / "campaign", scenario("hybrid", **SECTIONS)).run(fresh=True)
    *_earlier, record = _record.read(tmp_path / "campaign/runs.jsonl")
    assert record["outcome"] == "completed"
    # A busy machine neither writes nor sends as fast as it is asked to.
    written = record["summary"]["achieved_dirty_rate_mib_per_second"]
    for name, truth in (("working_set_mib", WORKING_SET_MIB), ("dirty_rate_mib_per_second", written)):
        assert told["guest"][name]["low"] * 0.8 <= truth <= told["guest"][name]["high"] * 1.2, told["guest"]
    total, busy = strategies["hybrid"]["total_time_ms"], 1000 / record["summary"]["mean_rate_mbit_per_second"]
    assert total["low"] * 0.8 <= record["summary"]["total_time_ms"] <= total["high"] * 1.5 * busy
