# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Virtual machines as hosts: their sizes, names, numbers and what their definitions are written from."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _host, _plan

# The namespace of Ansible's filter to_uuid: a playbook can tell from a name alone whether a thing is ours.
_NAMESPACE = uuid.UUID("361E6D51-FAEC-444A-9079-341386DA8E2E")
# The part of the address space that QEMU's and libvirt's machines have their hardware addresses in.
_VENDOR = "52:54:00"
_LEAST_MEMORY_MIB = 512
_LEAST_DISK_GIB = 2


@dataclass(frozen=True)
class Machine:
    """A host with the size of its virtual machine."""

    host: _plan.Host
    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True)
class Plan:
    """All machines of a testbed, whose image is a disk; `accelerator` is kvm, tcg, or auto while that is open."""

    testbed: _plan.Testbed
    machines: tuple[Machine, ...]
    accelerator: str


def make_plan(parameters: Mapping[str, Any]) -> Plan:
    """The machines that a module's parameters describe; MachineError names the first thing wrong with them."""
    testbed = _plan.make_testbed({**parameters, "image": parameters["image_disk"], "devices": ()})
    for host in testbed.hosts:
        if host.folders:
            raise MachineError(
                f"host {host.name} is to share {' and '.join(host.folders)}, but a virtual machine shares no folders: "
                "set virtual_host_backend of that host to nspawn, or take its virtual_host_folders away"
            )
    machines = tuple(_make_machine(host, parameters["sizes"]) for host in testbed.hosts)
    accelerator = parameters["accelerator"]
    return Plan(testbed, machines, _recorded_accelerator(testbed) if accelerator == "auto" else accelerator)


def _recorded_accelerator(testbed: _plan.Testbed) -> str:
    """What existing hosts were made with: found out anew while they are busy, it might come out otherwise."""
    records = [_host.folder_of(testbed.state_folder, host.name).read_record() for host in testbed.hosts]
    known = [str(record["accelerator"]) for record in records if "accelerator" in record]
    return known[0] if known else "auto"


def _make_machine(host: _plan.Host, sizes: Mapping[str, Mapping[str, Any]]) -> Machine:
    size = {}
    for name, least in (("vcpus", 1), ("memory_mib", _LEAST_MEMORY_MIB), ("disk_gib", _LEAST_DISK_GIB)):
        given = str((sizes.get(name) or {}).get(host.name, ""))
        if not given.isdecimal() or int(given) < least:
            raise MachineError(
                f"host {host.name} is to have {name} {given!r}: set virtual_host_{name} of that host, or "
                f"virtual_hosts_{name} for all, to {least} or more"
            )
        size[name] = int(given)
    return Machine(host, **size)


def uuid_of(prefix: str, state_folder: Path, kind: str, name: str) -> str:
    """The number of libvirt's object (`kind` domain, network or pool) that was made for this testbed."""
    return str(uuid.uuid5(_NAMESPACE, f"stsm.live_migration/{prefix}/{state_folder}/{kind}/{name}"))


def hardware_address(testbed: _plan.Testbed, network: _plan.Network, host: _plan.Host) -> str:
    """The same for the same names, and of another testbed's a different one."""
    names = f"{testbed.prefix}/{testbed.state_folder}/{network.name}/{host.name}"
    return ":".join([_VENDOR, *(f"{byte:02x}" for byte in hashlib.sha256(names.encode()).digest()[:3])])


def disks_folder(prefix: str, state_folder: Path) -> Path:
    """The folder of the storage pool."""
    return state_folder / f"{prefix}-disks"


def identity_disk(folder: _host.HostFolder) -> Path:
    return folder.path / "identity.img"


def definition(plan: Plan, machine: Machine) -> dict[str, object]:
    """All that a machine cannot change once it is made; it is kept in the host's record and compared."""
    networks = {
        network.name: [network.mtu, network.host_bridge, network.rate_mbit_per_second, network.delay_ms]
        for network in plan.testbed.networks_of(machine.host)
    }
    return {
        **_host.definition(plan.testbed, machine.host),
        "networks": networks,
        "vcpus": machine.vcpus,
        "memory_mib": machine.memory_mib,
        "disk_gib": machine.disk_gib,
        "accelerator": plan.accelerator,
    }


def describe(plan: Plan, machine: Machine) -> dict[str, object]:
    """What the definitions of the machine and of its disk are written from."""
    testbed, host = plan.testbed, machine.host
    folder = _host.folder_of(testbed.state_folder, host.name)
    domain = f"{testbed.prefix}-{host.name}"
    return {
        "name": host.name,
        "domain": domain,
        "uuid": uuid_of(testbed.prefix, testbed.state_folder, "domain", domain),
        "address": str(host.addresses[_plan.MANAGEMENT]),
        "accelerator": plan.accelerator,
        "vcpus": machine.vcpus,
        "memory_mib": machine.memory_mib,
        "disk_gib": machine.disk_gib,
        "volume": f"{host.name}.qcow2",
        "identity": str(identity_disk(folder)),
        "console": str(folder.log),
        "interfaces": [_describe_interface(testbed, network, host) for network in testbed.networks_of(host)],
    }


def describe_networks(testbed: _plan.Testbed) -> list[dict[str, str]]:
    """What the definitions of the networks are written from."""
    names = {network.bridge: f"{testbed.prefix}-{network.name}" for network in testbed.networks}
    return [
        {"name": name, "uuid": uuid_of(testbed.prefix, testbed.state_folder, "network", name), "bridge": bridge}
        for bridge, name in names.items()
    ]


def describe_pool(testbed: _plan.Testbed) -> dict[str, str]:
    """What the definition of the storage pool is written from."""
    return {
        "name": testbed.prefix,
        "uuid": uuid_of(testbed.prefix, testbed.state_folder, "pool", testbed.prefix),
        "path": str(disks_folder(testbed.prefix, testbed.state_folder)),
    }


def _describe_interface(testbed: _plan.Testbed, network: _plan.Network, host: _plan.Host) -> dict[str, object]:
    return {
        "network": f"{testbed.prefix}-{network.name}",
        "hardware_address": hardware_address(testbed, network, host),
        "device": testbed.outer_interface(network, host),
        "mtu": network.mtu,
    }
