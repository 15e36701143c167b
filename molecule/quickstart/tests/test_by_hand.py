# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""QEMU by hand on real hosts: the same scenario as through libvirt, faults and recovery, and nothing left behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from measured_pair import begin_module, found
from quickstart_hosts import GUEST_ADDRESS, INVENTORY, benchmark, scenario
from testinfra.host import Host as TestHost

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._levels import pairs
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed, settle_guests

# All that QEMU by hand makes on a host.
_LEFT = (
    "pgrep --full --list-full 'qemu-system.*/run/stsm-live-migration/'",
    "ls --almost-all /run/stsm-live-migration 2>/dev/null",
    "ip -brief link show | grep stsm-tap",
    "nft list tables | grep stsm_fault",
)
# Ten seconds of post-copy at the link's rate are more than any cut here lasts.
BUSY = {"working_set_mib": 128, "dirty_rate_mib_per_second": 60}


def looks(pair: list[Host]) -> list[TestHost]:
    """The hosts as testinfra sees them; their locks are not needed to look."""
    return [TestHost.get_host(f"ansible://{host.name}", ansible_inventory=str(INVENTORY)) for host in pair]


def left_on(pair: list[Host], patience_seconds: float = 30) -> list[str]:
    """What is still there when nothing should be, once the agents have had the time to go."""
    deadline = time.monotonic() + patience_seconds
    while True:
        said = [host.run(command).stdout for host in looks(pair) for command in _LEFT]
        found = [line for text in said for line in text.splitlines()]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def run(pair: list[Host], folder: Path, strategy: str, recovers: bool = False, **sections: Any) -> dict[str, Any]:
    """The record of a run, by hand unless another driver is asked for."""
    asked = scenario(strategy, **{"driver": "qmp", **sections}).to_dict()
    asked["strategy"]["recovers"] = recovers
    benchmark(pair, folder, Scenario.from_dict(asked)).run(fresh=True)
    (*_earlier, record) = _record.read(folder / "runs.jsonl")
    return record


def test_hybrid_by_hand_and_through_libvirt_are_the_same_scenario(pair: list[Host], tmp_path: Path) -> None:
    by_hand = run(pair, tmp_path / "levels", "hybrid")
    assert left_on(pair) == []
    through_libvirt = run(pair, tmp_path / "levels", "hybrid", driver="libvirt")
    for record in (by_hand, through_libvirt):
        assert record["outcome"] == "completed"
        assert found(record, "memory_verified") and found(record, "one_host")
        for point in ("events", "guest", "network"):
            assert record["summary"][f"downtime_{point}_ms"] is not None
        assert record["summary"]["cpu_seconds_destination"] > 0
    assert (by_hand["scenario"]["driver"], through_libvirt["scenario"]["driver"]) == ("qmp", "libvirt")
    records = [{**record, "valid": True} for record in (by_hand, through_libvirt)]
    assert len(pairs(cells(records))) == 1
    assert any("through libvirt stands against QEMU by hand" in sentence for sentence in sentences(records))


def test_a_post_copy_that_breaks_is_resumed_with_the_guests_memory(pair: list[Host], tmp_path: Path) -> None:
    fault = {"kind": "link-cut", "at": "post-copy", "seconds": 8}
    record = run(pair, tmp_path / "drill", "post-copy", workload=BUSY, fault=fault, recovers=True)
    assert record["outcome"] == "recovered", record["reason"]
    assert found(record, "memory_verified")
    told = [
        (event["event"], event["data"].get("status", event["data"].get("state"))) for event in record["raw"]["events"]
    ]
    for step in (("STSM_FAULT", "begun"), ("MIGRATION", "postcopy-paused"), ("MIGRATION", "postcopy-recover")):
        assert step in told
    assert left_on(pair) == []


def test_a_guest_whose_source_dies_in_post_copy_is_told_to_be_lost(pair: list[Host], tmp_path: Path) -> None:
    fault = {"kind": "source-killed", "at": "post-copy"}
    with_fault = scenario("post-copy", driver="qmp", workload=BUSY, fault=fault)
    result = benchmark(pair, tmp_path / "drill", with_fault).run(fresh=False)
    assert result["outcome"] == "lost"
    assert "the memory that had not been sent yet" in result["reason"]
    assert left_on(pair) == []


def test_a_killed_controller_leaves_nothing_on_the_hosts(pair: list[Host], tmp_path: Path) -> None:
    hopeless = {"working_set_mib": 128, "dirty_rate_mib_per_second": 400}
    wanted = scenario("pre-copy", driver="qmp", workload=hopeless, time_limit_seconds=60)
    options = {"scenario": wanted.to_dict(), "results": str(tmp_path / "campaign"), "guest_address": GUEST_ADDRESS}
    module = begin_module("benchmark", pair, calibrate=False, **options)
    deadline = time.monotonic() + 90
    while not all(host.run(_LEFT[0]).stdout for host in looks(pair)):
        assert module.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    module.send_signal(signal.SIGKILL)
    module.wait()
    assert left_on(pair) == []


def test_a_guest_of_that_name_that_is_not_ours_is_left_alone(pair: list[Host], tmp_path: Path) -> None:
    xml = "<domain type='qemu'><name>stsm-guest</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>"
    (look, _other) = looks(pair)
    # Whatever a test before has left running there is ours, and gone after this.
    with open_testbed(pair, "a test") as testbed:
        for connection in testbed.connections:
            connection.call("destroy_guest", guest="stsm-guest")
    look.run_expect([0], f'echo "{xml}" > /run/stranger.xml && virsh create /run/stranger.xml --paused')
    try:
        with pytest.raises(InstrumentError, match="a site's own and not the workload guest"):
            benchmark(pair, tmp_path / "campaign", scenario("hybrid", driver="qmp")).run(fresh=False)
        assert look.run("virsh domstate stsm-guest").stdout.strip() == "paused"
    finally:
        look.run("virsh destroy stsm-guest")


def test_a_busy_port_is_passed_over(pair: list[Host], tmp_path: Path) -> None:
    destination = pair[1]
    listener = f"import socket, time; socket.create_server(('{destination.migration_address}', 49152)); time.sleep(120)"
    look = looks(pair)[1]
    look.run_expect([0], f'nohup python3 -c "{listener}" > /dev/null 2>&1 & echo $! > /run/listener.pid; sleep 0.5')
    try:
        record = run(pair, tmp_path / "campaign", "stop-and-copy")
    finally:
        look.run("kill $(cat /run/listener.pid)")
    assert record["outcome"] == "completed"


def test_a_program_that_is_not_there_is_named_and_nothing_is_left(pair: list[Host]) -> None:
    with open_testbed(pair, "a test") as testbed:
        for facts in testbed.facts.values():
            facts["qemu_binary"] = "/usr/bin/qemu-system-nowhere"
        with pytest.raises(InstrumentError, match=r"There is no program /usr/bin/qemu-system-nowhere on this host"):
            settle_guests(testbed, scenario("hybrid", driver="qmp"), GUEST_ADDRESS)
    assert left_on(pair) == []


def test_an_agent_that_is_killed_leaves_nothing_either(pair: list[Host]) -> None:
    with open_testbed(pair, "a test") as testbed:
        (site,) = settle_guests(testbed, scenario("hybrid", driver="qmp"), GUEST_ADDRESS)
        assert site.source is testbed.connections[0]
        looks(pair)[0].run_expect(
            [0], "pkill --signal KILL --full '^/usr/bin/python3 -u -c import os,sys;r=sys.stdin.buffer'"
        )
        assert left_on(pair) == []
