# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A site's own guest with a disk, moved there and back between hosts that share no storage."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from measured_pair import begin_module
from own_guest import DOMAIN, definition, on
from quickstart_hosts import GUEST_ADDRESS

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import result_path
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

DISK = f"/var/lib/libvirt/images/{DOMAIN}.img"
NETWORK = ipaddress.ip_interface(GUEST_ADDRESS).network
ADDRESS = str(NETWORK[77])
INTERFACE = f"{ADDRESS}/{NETWORK.prefixlen}"
BOOT_SECONDS = 60
SETTLE_SECONDS = 180
DISK_MIB, USED_MIB = 64, 16


def wait_for(host: Host, test: str) -> None:
    """Return when the test succeeds on the host."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while on(host, f"if {test}; then echo yes; fi") != "yes\n":
        assert time.monotonic() < deadline, test
        time.sleep(0.2)


def answers() -> bool:
    """Whether the guest answers the observer's pings by now."""
    with NetworkProbe(ADDRESS, "icmp") as probe:
        time.sleep(0.3)
    return any(echo[1] is not None for echo in probe.echoes)


@pytest.fixture(scope="module")
def own_guest(pair: list[Host]) -> Iterator[str]:
    """The guest, started persistently on the first host; the digest of its disk, which it never writes."""
    first = pair[0]
    results = Path(result_path(Guest(name=DOMAIN)))
    try:
        for host in pair:
            on(host, f"mkdir -p {results.parent}")
        on(
            first,
            f"head -c {USED_MIB}M /dev/urandom > {DISK}; truncate -s {DISK_MIB}M {DISK};"
            f"virsh define /dev/stdin <<'END'\n{definition(first, DISK, INTERFACE)}\nEND\nvirsh start {DOMAIN}",
        )
        deadline = time.monotonic() + BOOT_SECONDS
        while not answers():
            assert time.monotonic() < deadline, "the guest did not boot"
        yield on(first, f"sha256sum < {DISK}")
    finally:
        for host in pair:
            on(
                host,
                f"virsh destroy {DOMAIN} || true; virsh undefine {DOMAIN} || true;"
                f"rm -rf {DISK}* {results}* /var/lib/stsm-live-migration/disks",
            )


def move(pair: list[Host], folder: Path, strategy: str, **sections: Any) -> dict[str, Any]:
    """One measured move of the guest, by its record."""
    scenario = Scenario.from_dict(
        {
            "guest": {"domain": DOMAIN, "copy_disks": True},
            "link": {"rate_mbit_per_second": 1000},
            "strategy": {"name": strategy},
            "time_limit_seconds": 60,
            "warm_up_seconds": 1,
            **sections,
        }
    )
    Benchmark(pair, scenario, folder, INTERFACE, calibrates=True).run(fresh=True)
    *_earlier, record = _record.read(folder / "runs.jsonl")
    return record


def test_disk_that_is_not_shared_is_told_with_what_to_set(pair: list[Host], own_guest: str, tmp_path: Path) -> None:
    record = move(pair, tmp_path / "campaign", "pre-copy", guest={"domain": DOMAIN})
    assert (record["outcome"], record["raw"]["guest_location"]) == ("failed", "source")
    assert "set guest.copy_disks to true" in record["reason"]


def test_image_of_somebody_else_on_the_other_host_is_not_overwritten(
    pair: list[Host], own_guest: str, tmp_path: Path
) -> None:
    on(pair[1], f"echo precious > {DISK}")
    with pytest.raises(InstrumentError, match=f"compute2: {DISK} exists here.*not overwritten"):
        move(pair, tmp_path / "campaign", "pre-copy")
    assert on(pair[1], f"cat {DISK}; rm {DISK}") == "precious\n"
    assert on(pair[0], f"virsh domstate {DOMAIN}").strip() == "running"


def test_image_that_was_made_goes_with_a_move_that_is_given_up(
    pair: list[Host], own_guest: str, tmp_path: Path
) -> None:
    record = move(pair, tmp_path / "campaign", "pre-copy", time_limit_seconds=0.05)
    assert (record["outcome"], record["raw"]["guest_location"]) == ("not_converged", "source")
    assert on(pair[1], f"ls {DISK} 2>&1 || true").endswith("No such file or directory\n")


def test_image_that_was_made_goes_when_the_controller_is_killed(
    pair: list[Host], own_guest: str, tmp_path: Path
) -> None:
    slow = {
        "guest": {"domain": DOMAIN, "copy_disks": True},
        "link": {"rate_mbit_per_second": 1000},
        "strategy": {"name": "pre-copy", "bandwidth_limit_mib_per_second": 2},
        "warm_up_seconds": 0.1,
    }
    controller = begin_module("benchmark", pair, results=str(tmp_path / "campaign"), scenario=slow)
    wait_for(pair[1], f"test -e {DISK}")
    wait_for(pair[0], f"virsh domjobinfo {DOMAIN} | grep -q 'Operation: *Outgoing migration'")
    controller.kill()
    controller.communicate()
    wait_for(pair[1], f"test ! -e {DISK}")
    wait_for(pair[0], f"virsh domjobinfo {DOMAIN} | grep -q 'Job type: *None'")
    assert on(pair[0], f"virsh domstate {DOMAIN}").strip() == "running"
    assert on(pair[0], f"sha256sum < {DISK}") == own_guest


def test_guest_moves_there_and_back_with_its_disk(pair: list[Host], own_guest: str, tmp_path: Path) -> None:
    hosts = {host.name: host for host in pair}
    # An idle guest may be done with its memory before a hybrid migration switches; post-copy always happens.
    for strategy in ("pre-copy", "post-copy"):
        # A run that a busy machine made invalid is measured once more, so that where it begins is told by the record.
        record = move(pair, tmp_path / "campaign", strategy)
        source, destination = (hosts[record["hosts"][end]["name"]] for end in ("source", "destination"))
        findings = {finding["name"]: finding for finding in record["validators"]}
        assert record["outcome"] == "completed"
        for name in ("strategy_happened", "vantage_points", "nic_bytes", "one_host"):
            assert findings[name]["passed"], findings[name]["sentence"]
        summary = record["summary"]
        assert summary["downtime_events_ms"] > 0
        assert summary["downtime_network_ms"] + summary["downtime_network_uncertainty_ms"] > 0
        assert summary["downtime_guest_ms"] is None
        assert summary["disk_bytes"] == DISK_MIB << 20
        assert summary["nic_bytes_source"] > summary["transferred_bytes"] + (USED_MIB << 20) * 0.9
        assert on(destination, f"sha256sum < {DISK}") == own_guest
        assert "Persistent:     yes" in on(destination, f"virsh dominfo {DOMAIN}")
        assert DOMAIN not in on(source, "virsh list --all --name")
        # What is left behind here gives way to the guest when it comes back.
        assert on(source, f"sha256sum < {DISK}") == own_guest
        assert answers()
