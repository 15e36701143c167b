# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Hosts that restart or die at a bad moment, as only hosts with a kernel of their own can."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from measured_pair import begin_module, found
from nested_hosts import GUEST, GUEST_ADDRESS, LINK, PAYLOAD_MBIT_PER_SECOND, WORKLOAD, scenario
from own_guest import on

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

PREFIX = "stsmw"
RESTART_SECONDS = 300
HAS_SENT = re.compile(r"Outgoing migration.*Memory processed: +(?!0\.000)", re.DOTALL)
SITE: dict[str, Any] = {"link": LINK, "guest": {"accelerator": "kvm"}}
CAMPAIGN: dict[str, Any] = {
    "axes": {"strategy": ["hybrid", "post-copy"], "dirty_rate_mib_per_second": [WORKLOAD["dirty_rate_mib_per_second"]]},
    "scenario": {
        "guest": {"memory_mib": GUEST["memory_mib"]},
        "workload": {key: WORKLOAD[key] for key in ("working_set_mib", "grain_ms")},
    },
    "warm_up_seconds": 2,
    "time_limit_seconds": 75,
    "when_a_host_is_lost": "wait",
}


def begin_campaign(pair: list[Host], folder: Path) -> subprocess.Popen[bytes]:
    """The module campaign in a process of its own."""
    return begin_module(
        "campaign",
        pair,
        definition=CAMPAIGN,
        site=SITE,
        results=str(folder),
        guest_address=GUEST_ADDRESS,
        payload_mbit_per_second=PAYLOAD_MBIT_PER_SECOND,
        calibrate=False,
    )


def source_of_migration(pair: list[Host], module: subprocess.Popen[bytes]) -> Host:
    """The host that a migration is under way from, once it has sent some of the memory.

    A host that dies sooner, while libvirt connects to it, keeps libvirt waiting for as long as TCP does.
    """
    deadline = time.monotonic() + RESTART_SECONDS
    while module.poll() is None:
        for host in pair:
            if HAS_SENT.search(on(host, "virsh domjobinfo stsm-guest 2>/dev/null || true")):
                return host
        assert time.monotonic() < deadline, "no migration began"
    raise AssertionError("the module ended before a migration began")


def boot_id(host: Host) -> str:
    """What tells one boot of a host from the next; empty while it does not answer."""
    try:
        return on(host, "cat /proc/sys/kernel/random/boot_id")
    except subprocess.CalledProcessError:
        return ""


def wait_for_boot(host: Host, since: str) -> None:
    """Return when the host answers after another boot than *since*."""
    deadline = time.monotonic() + RESTART_SECONDS
    while boot_id(host) in ("", since):
        assert time.monotonic() < deadline, f"{host.name} did not come back"
        time.sleep(1)


def test_campaign_survives_a_reboot_of_a_host(pair: list[Host], tmp_path: Path) -> None:
    before = boot_id(pair[1])
    module = begin_campaign(pair, tmp_path / "campaign")
    source_of_migration(pair, module)
    on(pair[1], "systemctl reboot")
    told = json.loads(module.communicate(timeout=2 * RESTART_SECONDS)[0])
    wait_for_boot(pair[1], before)
    progress = (tmp_path / "campaign/progress.log").read_text(encoding="utf-8")
    assert "no longer answers" in progress
    assert told.get("left") == 0, told
    records = _record.read(tmp_path / "campaign/runs.jsonl")
    completed = {r["scenario"]["strategy"]["name"] for r in records if r["outcome"] == "completed"}
    assert completed == {"hybrid", "post-copy"}, progress


@pytest.mark.parametrize("end", ["destination", "source"])
def test_host_that_dies_in_a_migration_is_told_in_one_sentence(pair: list[Host], tmp_path: Path, end: str) -> None:
    before = {host.name: boot_id(host) for host in pair}
    slow = scenario("pre-copy", workload={**WORKLOAD, "dirty_rate_mib_per_second": 30})
    module = begin_module(
        "benchmark",
        pair,
        scenario=slow.to_dict(),
        results=str(tmp_path / "campaign"),
        guest_address=GUEST_ADDRESS,
        calibrate=False,
    )
    source = source_of_migration(pair, module)
    struck = next(host for host in pair if (host is source) is (end == "source"))
    domain = f"{PREFIX}-{struck.name}"
    subprocess.run(["virsh", "--quiet", "destroy", domain], check=True)
    try:
        told = json.loads(module.communicate(timeout=RESTART_SECONDS)[0])
    finally:
        subprocess.run(["virsh", "--quiet", "start", domain], check=True)
        wait_for_boot(struck, before[struck.name])
    (record,) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert (told["failed"], record["valid"]) == (True, False)
    if end == "source":
        assert record["outcome"] == "lost"
        assert f"The connection to {struck.name}" in record["reason"]
    else:
        assert (record["outcome"], found(record, "memory_verified")) == ("failed", True)
        assert "the guest runs on the source" in record["reason"]
