# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Migrations of a guest on nested KVM: it arrives with its memory, confined, and the record says on what it ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nested_hosts import GUEST_ADDRESS, INVENTORY, WORKLOAD, benchmark, scenario
from testinfra.host import Host as TestHost

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._calibration import calibrate
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed, settle_guests

PROBE_ADDRESS = GUEST_ADDRESS.partition("/")[0]


def found(record: dict[str, Any], validator: str) -> dict[str, Any]:
    """What one validator found."""
    return next(finding for finding in record["validators"] if finding["name"] == validator)


def look(host: Host) -> TestHost:
    """A host as testinfra sees it."""
    return TestHost.get_host(f"ansible://{host.name}", ansible_inventory=str(INVENTORY))


def test_hosts_pass_their_preflight(pair: list[Host]) -> None:
    with open_testbed(pair, "a test") as testbed:
        assert [finding["sentence"] for finding in examine(testbed) if not finding["passed"]] == []


def test_known_pauses_are_seen_from_all_vantage_points(pair: list[Host]) -> None:
    with open_testbed(pair, "a test") as testbed:
        (site,) = settle_guests(testbed, scenario("hybrid"), GUEST_ADDRESS)
        points = calibrate(site, PROBE_ADDRESS)
    assert [point for point in points if not all(point["within"].values())] == []


@pytest.mark.parametrize("strategy", ["pre-copy", "hybrid", "post-copy", "stop-and-copy"])
def test_guest_on_nested_kvm_moves_with_its_memory(pair: list[Host], tmp_path: Path, strategy: str) -> None:
    # What pre-copy keeps up with, and what leaves pages to request after the switch.
    rate = 1 if strategy == "pre-copy" else 30
    dirtied = {"workload": {**WORKLOAD, "dirty_rate_mib_per_second": rate}}
    result = benchmark(pair, tmp_path / "campaign", scenario(strategy, **dirtied)).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert result["outcome"] == record["outcome"] == "completed"
    assert found(record, "memory_verified")["passed"], found(record, "memory_verified")["sentence"]
    assert found(record, "one_host")["passed"] and found(record, "strategy_happened")["passed"]
    if strategy in ("hybrid", "post-copy"):
        assert record["summary"]["postcopy_requests"] > 0


def test_guest_is_confined_where_it_has_arrived(pair: list[Host], tmp_path: Path) -> None:
    benchmark(pair, tmp_path / "campaign", scenario("post-copy")).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    arrived = record["hosts"]["destination"]["name"]
    host = look(next(host for host in pair if host.name == arrived))
    process = host.check_output("cat /run/libvirt/qemu/stsm-guest.pid")
    assert host.check_output(f"cat /proc/{process}/attr/current").endswith("(enforce)")
    assert host.check_output(f"readlink /proc/{process}/ns/mnt") != host.check_output("readlink /proc/1/ns/mnt")
    assert "machine.slice" in host.check_output(f"cat /proc/{process}/cgroup")
    assert host.check_output(f"stat --format=%U /proc/{process}") == "libvirt-qemu"
