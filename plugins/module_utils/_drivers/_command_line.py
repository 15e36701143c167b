# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload guest as a command line of QEMU: the machine that libvirt makes of its domain, without libvirt."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._keeper import TAP_DESCRIPTOR
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._launcher import folder_of
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._offer import DIRTY_RING
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import (
    BLOCKTIME_SINCE,
    GUEST_DIRECTORY,
    WORKLOAD_MARK,
    mac_address,
    result_path,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest

# What a host's agent is told to start a guest; see its launcher.
Order = Dict[str, Any]

_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# Where libvirt puts the devices of either machine, the controllers among them that nobody asked for.
_BUSES = {
    "q35": (
        *("-device", "pcie-root-port,id=pci.1,bus=pcie.0,chassis=1,port=8,multifunction=on,addr=0x1"),
        *("-device", "pcie-root-port,id=pci.2,bus=pcie.0,chassis=2,port=9,addr=0x1.0x1"),
        *("-device", "pcie-root-port,id=pci.3,bus=pcie.0,chassis=3,port=10,addr=0x1.0x2"),
        *("-device", "pcie-root-port,id=pci.4,bus=pcie.0,chassis=4,port=11,addr=0x1.0x3"),
        *("-device", "qemu-xhci,id=usb,bus=pci.2,addr=0x0"),
    ),
    "pc": ("-device", "piix3-usb-uhci,id=usb,bus=pci.0,addr=0x1.0x2"),
}
_PLACES = {
    "q35": {"network": "bus=pci.1,addr=0x0", "serial": "bus=pci.3,addr=0x0"},
    "pc": {"network": "bus=pci.0,addr=0x2", "serial": "bus=pci.0,addr=0x3"},
}


def launch_order(
    guest: Guest,
    kernel_arguments: str,
    host: Host,
    facts: Mapping[str, Any],
    number: int = 1,
    needs: Sequence[str] = (),
) -> Order:
    """What starts the guest on *host*, of which *facts* are known.  Guests of one kind are told apart by *number*.

    *needs* are those of the strategy by which it is to move; of a dirty ring QEMU has to know when it starts.  The
    description tells whose guest it is, with a digest of all that it was made of.
    """
    order: Order = {
        "command": _command(guest, kernel_arguments, facts, number, _accelerator(guest, needs)),
        "tap": {
            "name": f"stsm-tap{number}",
            "bridge": host.tenant_bridge,
            # As libvirt makes it of the guest's: high, so that no bridge takes it for its own.
            "address": "fe" + mac_address(number)[2:],
        },
        "outputs": [result_path(guest), f"{result_path(guest)}.console"],
        "incoming": False,
    }
    text = json.dumps([order, facts["workload_digest"]], sort_keys=True)
    return {**order, "description": f"{WORKLOAD_MARK} {hashlib.sha256(text.encode()).hexdigest()}"}


def arrival_order(order: Order, machine: str) -> Order:
    """What starts a QEMU that waits for the guest of *order*, which comes with its *machine* type."""
    command = list(order["command"])
    place = command.index("-machine") + 1
    command[place] = ",".join([machine, *command[place].split(",")[1:]])
    return {**order, "command": [*command, "-incoming", "defer"], "incoming": True}


def _command(guest: Guest, kernel_arguments: str, facts: Mapping[str, Any], number: int, accelerator: str) -> list[str]:
    folder, places = folder_of(guest.name), _PLACES[guest.machine]
    results, console = result_path(guest), f"{result_path(guest)}.console"
    # The guest needs neither disk nor screen: what is not there is neither emulated nor migrated.
    return [
        facts["qemu_binary"],
        *("-name", f"guest={guest.name},debug-threads=on", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", f"{guest.machine},usb=off,dump-guest-core=off,memory-backend=pc.ram,acpi=on"),
        *("-accel", accelerator, "-cpu", _processor(guest), "-smp", f"{guest.vcpus},sockets={guest.vcpus}"),
        *("-m", str(guest.memory_mib), "-object", f"memory-backend-ram,id=pc.ram,size={guest.memory_mib}M"),
        *("-rtc", "base=utc", "-sandbox", _SANDBOX, "-msg", "timestamp=on"),
        *("-kernel", f"{GUEST_DIRECTORY}/workload/vmlinux", "-initrd", f"{GUEST_DIRECTORY}/workload/initrd.img"),
        *("-append", kernel_arguments),
        *("-qmp", f"unix:{folder}/qmp,server=on,wait=off"),
        *_BUSES[guest.machine],
        *("-device", f"virtio-serial-pci,id=virtio-serial0,{places['serial']}"),
        *("-chardev", f"file,id=console,path={console},append=on", "-device", "isa-serial,chardev=console"),
        *("-chardev", f"file,id=results,path={results},append=on"),
        *("-device", "virtserialport,bus=virtio-serial0.0,nr=1,chardev=results,name=org.stsm.results"),
        *("-chardev", f"socket,id=control,path={folder}/control,server=on,wait=off"),
        *("-device", "virtserialport,bus=virtio-serial0.0,nr=2,chardev=control,name=org.stsm.control"),
        *("-netdev", f"tap,id=hostnet0,fd={TAP_DESCRIPTOR}"),
        *("-device", f"virtio-net-pci,netdev=hostnet0,mac={mac_address(number)},{places['network']}"),
        *_counted_from_the_start(facts["qemu_version"]),
    ]


def _accelerator(guest: Guest, needs: Sequence[str]) -> str:
    return f"{guest.accelerator},{DIRTY_RING}" if "dirty-ring" in needs else guest.accelerator


def _processor(guest: Guest) -> str:
    return "host,migratable=on" if guest.cpu_model == "host-passthrough" else guest.cpu_model


def _counted_from_the_start(qemu_version: str) -> list[str]:
    """What makes QEMU count blocktime and latency of post-copy, which it does only when told from the start."""
    version = tuple(int(part) for part in qemu_version.split("."))
    return ["-global", "migration.postcopy-blocktime=on"] if version >= BLOCKTIME_SINCE else []
