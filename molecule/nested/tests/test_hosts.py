# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a virtual machine shows and a container cannot: kernel, disk, clock, packet delay and confinement of its own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://compute"]

IMAGE_MIB = 2 * 1024


@pytest.fixture
def variables(host: Host) -> dict[str, Any]:
    """The host's variables in the inventory."""
    found: dict[str, Any] = host.ansible.get_variables()
    return found


def test_kernel_is_the_hosts_own_and_was_started_by_a_boot_loader(host: Host) -> None:
    booted = host.check_output("cat /proc/cmdline")
    assert "BOOT_IMAGE=" in booted
    assert host.file("/boot/vmlinuz-" + host.check_output("uname -r")).exists


def test_kvm_works_in_the_host(host: Host) -> None:
    assert host.check_output("cat /sys/module/kvm_*/parameters/npt || cat /sys/module/kvm_*/parameters/ept") == "Y"
    assert "<domain type='kvm'" in host.check_output("virsh --quiet capabilities")


def test_disk_has_grown_to_the_size_asked_for(host: Host) -> None:
    assert int(host.check_output("df --output=size --block-size=1M / | tail -1")) > IMAGE_MIB


def test_name_and_keys_were_there_from_the_first_boot(host: Host, variables: dict[str, Any]) -> None:
    assert host.check_output("hostname") == variables["inventory_hostname"]
    assert host.check_output("systemctl is-system-running --wait || true") in ("running", "degraded")
    assert host.check_output("systemctl list-units --failed --quiet --plain --no-legend") == ""


def test_libvirt_concedes_nothing(host: Host) -> None:
    security = host.check_output("virsh --quiet capabilities")
    assert "<model>apparmor</model>" in security
    assert host.run("aa-enabled").stdout.strip() == "Yes"
    settings = host.check_output("grep -hv '^#' /etc/libvirt/qemu.conf || true")
    assert not re.search(r"^(namespaces|cgroup_controllers|security_driver)\b", settings, re.MULTILINE)


def test_clock_is_disciplined(host: Host) -> None:
    tracking = host.check_output("chronyc -n -c tracking").split(",")
    offset_ms = abs(float(tracking[4])) * 1e3
    assert offset_ms < 10, tracking


def test_packets_are_delayed_on_the_migration_network_only(host: Host, variables: dict[str, Any]) -> None:
    disciplines = json.loads(host.check_output("tc -json qdisc show dev migration"))
    (netem,) = [entry["options"] for entry in disciplines if entry["kind"] == "netem"]
    assert netem["delay"]["delay"] == pytest.approx(0.002)
    assert "netem" not in host.check_output("tc qdisc show dev management")
    other = next(name for name in variables["groups"]["compute"] if name != variables["inventory_hostname"])
    peer = Host.get_host(f"ansible://{other}", ansible_inventory=host.backend.ansible_inventory)
    address = peer.ansible.get_variables()["migration_address"]
    shortest_ms = float(re.search(r"= ([0-9.]+)/", host.check_output(f"ping -q -c 5 -i 0.2 {address}")).group(1))  # type: ignore[union-attr]
    assert shortest_ms >= 4
