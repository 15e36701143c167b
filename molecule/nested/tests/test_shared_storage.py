# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Guests whose disks lie on the control host, a site's own and the workload's: they move, and their disks stay."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from measured_pair import found
from nested_hosts import GUEST_ADDRESS, LINK, benchmark, scenario
from own_guest import DOMAIN, definition, on

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import disk_path
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed, retire_guests

NETWORK = ipaddress.ip_interface(GUEST_ADDRESS).network
ADDRESS = str(NETWORK[77])
INTERFACE = f"{ADDRESS}/{NETWORK.prefixlen}"
DISK = f"/var/lib/stsm-live-migration/shared/{DOMAIN}.img"
DISK_MIB = 16
WRITTEN_MIB = 8
BOOT_SECONDS = 120


def answers() -> bool:
    """Whether the guest answers the observer's pings by now."""
    with NetworkProbe(ADDRESS, "icmp") as probe:
        time.sleep(0.5)
    return any(echo[1] is not None for echo in probe.echoes)


@pytest.fixture
def own_guest(pair: list[Host]) -> Iterator[str]:
    """The guest, started on the first host; the digest of its disk, which it never writes."""
    first = pair[0]
    try:
        for host in pair:
            on(host, "mkdir -p /var/lib/stsm-live-migration/guests")
        on(
            first,
            f"head -c {DISK_MIB}M /dev/urandom > {DISK};"
            f"virsh create /dev/stdin <<'END'\n{definition(first, DISK, INTERFACE, 'kvm')}\nEND",
        )
        deadline = time.monotonic() + BOOT_SECONDS
        while not answers():
            assert time.monotonic() < deadline, "the guest did not boot"
        yield on(first, f"sha256sum < {DISK}")
    finally:
        for host in pair:
            on(host, f"virsh destroy {DOMAIN} || true; rm -f {DISK}")


def test_guest_moves_and_its_disk_stays(pair: list[Host], own_guest: str, tmp_path: Path) -> None:
    asked = Scenario.from_dict(
        {
            "guest": {"domain": DOMAIN},
            "link": LINK,
            "strategy": {"name": "post-copy"},
            "time_limit_seconds": 90,
            "warm_up_seconds": 2,
        }
    )
    Benchmark(pair, asked, tmp_path / "campaign", INTERFACE, calibrates=False).run(fresh=True)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert (record["outcome"], record["raw"]["guest_location"]) == ("completed", "destination")
    assert record["summary"]["disk_bytes"] in (0, None)
    arrived = next(host for host in pair if host.name == record["hosts"]["destination"]["name"])
    assert DISK in on(arrived, f"virsh domblklist {DOMAIN}")
    assert on(arrived, f"sha256sum < {DISK}") == own_guest
    assert answers()


def test_the_workload_guest_finds_its_disk_where_it_arrives(pair: list[Host], tmp_path: Path) -> None:
    asked = scenario("post-copy", guest={"storage": "shared", "disk_gib": 1, "allocated_disk_mib": WRITTEN_MIB})
    benchmark(pair, tmp_path / "campaign", asked).run(fresh=True)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert (record["outcome"], record["raw"]["guest_location"]) == ("completed", "destination")
    assert found(record, "disk_verified")
    assert record["summary"]["disk_bytes"] in (0, None)
    path = disk_path(asked.guest.name, "shared", pair)
    assert [int(on(host, f"du --block-size=1M {path} | cut -f 1")) >= WRITTEN_MIB for host in pair] == [True, True]
    with open_testbed(pair, "a test") as testbed:
        retire_guests(testbed, asked.guest)
    assert [on(host, f"ls {path}* 2>/dev/null || true") for host in pair] == ["", ""]
