# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Real migrations along the axes: guests at once, a load beside them, a slower link, a smaller working set, a disk."""

from __future__ import annotations

import time
from pathlib import Path

from measured_pair import found
from own_guest import on
from quickstart_hosts import benchmark, scenario

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import disk_path
from ansible_collections.stsm.live_migration.plugins.module_utils._link_rate import limited
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import measure_link
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, open_testbed, retire_guests

ALLOCATED_MIB = 48


def test_two_guests_move_at_once_beside_a_stream_and_each_has_a_record(pair: list[Host], tmp_path: Path) -> None:
    workload = {"working_set_mib": 32, "dirty_rate_mib_per_second": 8}
    asked = scenario("pre-copy", guests=2, background={"link_mbit_per_second": 100}, workload=workload)
    result = benchmark(pair, tmp_path / "campaign", asked).run(fresh=False)
    assert [guest["outcome"] for guest in result["guests"]] == ["completed", "completed"]
    (*_earlier, first, second) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert first["group_id"] == second["group_id"]
    assert [record["raw"]["group"]["guest"] for record in (first, second)] == ["stsm-guest", "stsm-guest-2"]
    judged = {finding["name"]: finding for record in (first, second) for finding in record["validators"]}
    for name in ("one_host", "memory_verified", "background", "nic_bytes"):
        assert judged[name]["passed"], judged[name]["sentence"]
    for record in (first, second):
        assert record["summary"]["group_time_ms"] >= record["summary"]["total_time_ms"]
        assert record["summary"]["downtime_network_ms"] is not None
    with open_testbed(pair, "a test") as testbed:
        retire_guests(testbed, asked.guest, above=1)
        assert testbed.locate("stsm-guest-2") == {}


def test_link_is_slowed_down_and_put_back_even_if_nobody_asks_for_it(testbed: Testbed, pair: list[Host]) -> None:
    with limited(testbed, 100):
        # 1448 of 1514 bytes of each frame are payload.
        assert all(70 < rate < 96 for rate in measure_link(testbed).values())
    (one, other) = testbed.connections
    one.call("shape_link", interface=one.host.migration_interface, rate_mbit_per_second=50)
    for connection in (one, other):
        connection.close()
    time.sleep(0.5)
    with open_testbed(pair, "a test") as again:
        assert min(measure_link(again).values()) > 300


def test_a_smaller_working_set_sends_nothing_of_a_larger_one_before_it(pair: list[Host], tmp_path: Path) -> None:
    for working_set_mib in (128, 16):
        workload = {"working_set_mib": working_set_mib, "dirty_rate_mib_per_second": 1}
        benchmark(pair, tmp_path / "campaign", scenario("pre-copy", workload=workload)).run(fresh=False)
    large, small = _record.read(tmp_path / "campaign/runs.jsonl")
    assert [record["outcome"] for record in (large, small)] == ["completed", "completed"]
    less_mib = (large["summary"]["transferred_bytes"] - small["summary"]["transferred_bytes"]) / (1 << 20)
    assert less_mib > 100


def test_a_disk_is_copied_with_the_guest_there_and_back_and_goes_with_it(pair: list[Host], tmp_path: Path) -> None:
    asked = scenario("pre-copy", guest={"disk_gib": 1, "allocated_disk_mib": ALLOCATED_MIB})
    for _way in ("there", "back"):
        benchmark(pair, tmp_path / "campaign", asked).run(fresh=True)
    records = _record.read(tmp_path / "campaign/runs.jsonl")[-2:]
    assert [record["outcome"] for record in records] == ["completed", "completed"]
    assert {record["raw"]["guest_location"] for record in records} == {"destination"}
    for record in records:
        sent = record["summary"]["transferred_bytes"] + (ALLOCATED_MIB << 20)
        assert sent * 0.95 < record["summary"]["nic_bytes_source"] < sent * 1.15
    assert {found(record, "disk_verified") for record in records} == {True}
    path = disk_path(asked.guest.name, "local", pair)
    digests = {on(host, f"sha256sum < {path}") for host in pair}
    assert len(digests) == 1
    with open_testbed(pair, "a test") as testbed:
        retire_guests(testbed, asked.guest)
    assert [on(host, f"ls {path}* 2>/dev/null || true") for host in pair] == ["", ""]
