# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A run that is cut off at a bad moment: the guest lives on one host, and nothing is half-written."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from measured_pair import begin_module
from quickstart_hosts import GUEST_ADDRESS, INVENTORY, benchmark, scenario
from testinfra.host import Host as TestHost

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, open_testbed


def begin_run(pair: list[Host], folder: Path, wanted: Scenario) -> subprocess.Popen[bytes]:
    """The module benchmark in a process of its own."""
    return begin_module(
        "benchmark",
        pair,
        scenario=wanted.to_dict(),
        results=str(folder),
        guest_address=GUEST_ADDRESS,
        calibrate=False,
    )


def wait_for_job(pair: list[Host], module: subprocess.Popen[bytes]) -> None:
    """Return when the migration is under way on either host."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and module.poll() is None:
        if jobs(pair):
            return
        time.sleep(0.2)
    raise AssertionError("the migration did not begin")


def looks(pair: list[Host]) -> list[TestHost]:
    """The hosts as testinfra sees them; their locks are not needed to look."""
    return [TestHost.get_host(f"ansible://{host.name}", ansible_inventory=str(INVENTORY)) for host in pair]


def jobs(pair: list[Host]) -> list[str]:
    """What libvirt says of migrations under way."""
    said = [host.run("virsh domjobinfo stsm-guest").stdout for host in looks(pair)]
    return [text for text in said if "Outgoing" in text or "Incoming" in text]


def guest_processes(pair: list[Host]) -> list[str]:
    """When each QEMU of the guest was started, in clock ticks since the machine was."""
    said = [host.run("cat /proc/$(cat /run/libvirt/qemu/stsm-guest.pid)/stat") for host in looks(pair)]
    return [answer.stdout.split()[21] for answer in said if answer.rc == 0]


def running_on(pair: list[Host], patience_seconds: float = 60) -> list[str]:
    """The hosts on which the guest runs, once the agents of the run that was cut off are gone."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            with open_testbed(pair, "a test") as testbed:
                return [name for name, state in testbed.locate("stsm-guest").items() if state["state"] == "running"]
        except Exception as error:
            if "being measured" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


HOPELESS = {"working_set_mib": 128, "dirty_rate_mib_per_second": 400}


def test_interrupted_run_is_aborted_and_recorded(pair: list[Host], tmp_path: Path) -> None:
    module = begin_run(pair, tmp_path / "campaign", scenario("pre-copy", workload=HOPELESS, time_limit_seconds=60))
    wait_for_job(pair, module)
    module.send_signal(signal.SIGINT)
    output, _errors = module.communicate(timeout=60)
    told = json.loads(output)
    (record,) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert (told["failed"], told["outcome"], record["outcome"]) == (True, "aborted", "aborted")
    assert record["raw"]["guest"]["verified"]["wrong_count"] == 0
    assert len(running_on(pair)) == 1


def test_killed_run_leaves_a_running_guest_and_no_job(pair: list[Host], tmp_path: Path) -> None:
    module = begin_run(pair, tmp_path / "campaign", scenario("pre-copy", workload=HOPELESS, time_limit_seconds=60))
    wait_for_job(pair, module)
    before = guest_processes(pair)
    module.kill()
    module.wait()
    assert len(running_on(pair)) == 1
    # The same guest, not one that was started anew, and nothing under way.
    assert set(guest_processes(pair)) & set(before)
    assert jobs(pair) == []
    assert _record.read(tmp_path / "campaign/runs.jsonl") == []
    # The next run takes the guest as it is, memory and all.
    result = benchmark(pair, tmp_path / "campaign", scenario("hybrid")).run(fresh=False)
    assert result["outcome"] == "completed"


def test_run_that_loses_a_host_is_recorded_with_the_reason(pair: list[Host], tmp_path: Path) -> None:
    module = begin_run(pair, tmp_path / "campaign", scenario("pre-copy", workload=HOPELESS, time_limit_seconds=60))
    wait_for_job(pair, module)
    # Its connections are its only children that are ssh; without them it knows nothing of the hosts.
    subprocess.run(["pkill", "--parent", str(module.pid), "--exact", "ssh"], check=True)
    told = json.loads(module.communicate(timeout=90)[0])
    (record,) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert (told["failed"], record["outcome"], record["valid"]) == (True, "lost", False)
    assert "The connection to compute" in record["reason"]
    # The agents have settled: the guest is where it was, and nothing is under way.
    assert len(running_on(pair)) == 1
    assert jobs(pair) == []


@pytest.fixture
def without_userfaultfd(testbed: Testbed) -> Iterator[HostConnection]:
    """The first host, whose QEMU may not use userfaultfd for the length of a test."""
    connection = testbed.connections[0]
    shell = TestHost.get_host(f"ansible://{connection.host.name}", ansible_inventory=str(INVENTORY))
    shell.run_expect([0], "chmod 0 /dev/userfaultfd")
    yield connection
    shell.run_expect([0], "chmod 0660 /dev/userfaultfd")


def test_preflight_names_the_host_without_userfaultfd(testbed: Testbed, without_userfaultfd: HostConnection) -> None:
    refused = [finding for finding in examine(testbed) if not finding["passed"]]
    assert [finding["host"] for finding in refused] == [without_userfaultfd.host.name]
    assert "qemu_userfaultfd_cure" in refused[0]["sentence"]
