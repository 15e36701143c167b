# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest as a command line is the guest that libvirt makes of its domain."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._command_line import (
    arrival_order,
    launch_order,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import domain_xml
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest

FACTS = {"qemu_binary": "/usr/bin/qemu-system-x86_64", "qemu_version": "11.1.3", "workload_digest": "d"}
HOST = Host("one", "192.0.2.1", "198.51.100.1", tenant_bridge="tenant0")


def order(guest: Guest | None = None, number: int = 1, **more: Any) -> dict[str, Any]:
    facts = {**FACTS, **more.pop("facts", {})}
    return launch_order(guest or Guest(), "quiet stsm.seed=1", HOST, facts, number, **more)


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize("number", [1, 3])
def test_memory_processors_address_and_ports_are_those_of_the_domain(number: int) -> None:
    guest = Guest(memory_mib=384, vcpus=2)
    made = order(guest, number)
    command = made["command"]
    domain = ElementTree.fromstring(domain_xml(guest, "quiet stsm.seed=1", HOST, (11, 1, 3), number))
    (mac,) = (element.get("address", "") for element in domain.iterfind("devices/interface/mac"))
    assert f"mac={mac}" in " ".join(command)
    assert made["tap"] == {"name": f"stsm-tap{number}", "bridge": "tenant0", "address": "fe" + mac[2:]}
    assert option(command, "-m") == domain.findtext("memory") == "384"
    assert option(command, "-smp").startswith("2,")
    assert option(command, "-append") == domain.findtext("os/cmdline")
    assert option(command, "-kernel") == domain.findtext("os/kernel")
    for channel in domain.iterfind("devices/channel/target"):
        assert any(f"name={channel.get('name')}" in word for word in command)
    assert "migration.postcopy-blocktime=on" in command


def test_a_qemu_that_cannot_count_blocktime_from_the_start_is_not_told_to() -> None:
    assert "migration.postcopy-blocktime=on" not in order(facts={"qemu_version": "10.0.13"})["command"]


def test_a_destination_waits_for_the_machine_that_comes() -> None:
    made = order()
    arriving = arrival_order(made, "pc-q35-10.0")
    assert option(made["command"], "-machine").startswith("q35,")
    assert option(arriving["command"], "-machine").startswith("pc-q35-10.0,")
    assert arriving["command"][-2:] == ["-incoming", "defer"]
    assert (made["incoming"], arriving["incoming"]) == (False, True)
    # It is the same guest before and after its move.
    assert arriving["description"] == made["description"]


def test_another_workload_is_another_guest() -> None:
    assert order()["description"] != order(facts={"workload_digest": "e"})["description"]


def test_a_strategy_that_needs_a_dirty_ring_gets_one_from_the_start() -> None:
    ring = order(Guest(accelerator="kvm"), needs=("dirty-ring",))
    assert option(ring["command"], "-accel") == "kvm,dirty-ring-size=4096"
    assert option(order(Guest(accelerator="kvm"))["command"], "-accel") == "kvm"


def test_the_hosts_own_processor_stays_movable() -> None:
    assert option(order(Guest(cpu_model="host-passthrough"))["command"], "-cpu") == "host,migratable=on"


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_every_device_finds_its_bus(machine: str) -> None:
    words = order(Guest(machine=machine))["command"]
    built_in = {"q35": {"pcie.0"}, "pc": {"pci.0"}}[machine] | {"virtio-serial0.0"}
    buses = {part[4:] for word in words for part in word.split(",") if part.startswith("bus=")}
    made = {part[3:] for word in words for part in word.split(",") if part.startswith("id=pci")}
    assert buses <= built_in | made
