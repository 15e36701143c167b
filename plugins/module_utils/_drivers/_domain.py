# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt domain of the workload guest."""

from __future__ import annotations

import hashlib
from typing import Sequence
from xml.etree import ElementTree

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest

GUEST_DIRECTORY = "/var/lib/stsm-live-migration"
# A domain whose description begins so is the collection's own, and may be destroyed by it.
WORKLOAD_MARK = "stsm.live_migration workload guest"
TENANT_MAC, FIRST_MAC_BYTE = "52:54:00:73:74", 0x6D
_QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
BLOCKTIME_SINCE = (10, 1)


def result_path(guest: Guest) -> str:
    """Where a host keeps what the guest says; each host has its own file."""
    return f"{GUEST_DIRECTORY}/guests/{guest.name}.results"


def disk_path(guest: str, storage: str, hosts: Sequence[Host]) -> str:
    """Where the image of a guest's disk lies: with the host that it runs on, or in the folder that *hosts* share.

    Others may share that folder as well, and have guests, and even hosts, of the same names.
    """
    if storage == "local":
        return f"{GUEST_DIRECTORY}/guests/{guest}.disk"
    pair = repr(sorted((host.name, host.address, host.migration_address) for host in hosts))
    return f"{hosts[0].shared_folder}/stsm-workload-{guest}-{hashlib.sha256(pair.encode()).hexdigest()[:12]}.img"


def mac_address(number: int) -> str:
    """The address on the tenant network of the guest of a number, from 1 on."""
    return f"{TENANT_MAC}:{FIRST_MAC_BYTE + number - 1:02x}"


def domain_xml(
    guest: Guest,
    kernel_arguments: str,
    host: Host,
    qemu_version: Sequence[int],
    number: int = 1,
    disk: str | None = None,
) -> str:
    """The domain's XML on *host*, with its *disk*'s path if it has one.

    Guests of one kind, and their interfaces, are told apart by *number* from 1 on.
    """
    domain = ElementTree.Element("domain", type="kvm" if guest.accelerator == "kvm" else "qemu")
    _add(domain, "name", guest.name)
    _add(domain, "memory", str(guest.memory_mib), unit="MiB")
    if guest.huge_page_kib is not None:
        pages = _add(_add(domain, "memoryBacking"), "hugepages")
        _add(pages, "page", size=str(guest.huge_page_kib), unit="KiB")
    _add(domain, "vcpu", str(guest.vcpus))
    system = _add(domain, "os")
    _add(system, "type", "hvm", arch="x86_64", machine=guest.machine)
    _add(system, "kernel", f"{GUEST_DIRECTORY}/workload/vmlinux")
    _add(system, "initrd", f"{GUEST_DIRECTORY}/workload/initrd.img")
    _add(system, "cmdline", kernel_arguments)
    _add(_add(domain, "features"), "acpi")
    if guest.cpu_model == "host-passthrough":
        _add(domain, "cpu", mode="host-passthrough", migratable="on")
    else:
        _add(_add(domain, "cpu", mode="custom", match="exact", check="none"), "model", guest.cpu_model)
    _add(domain, "on_crash", "destroy")
    devices = _add(domain, "devices")
    if host.emulator:
        _add(devices, "emulator", host.emulator)
    if guest.disk is not None and disk is not None:
        _add_disk(devices, disk, shared=guest.disk.storage == "shared")
    _add_devices(devices, guest, host.tenant_bridge, number)
    if tuple(qemu_version) >= BLOCKTIME_SINCE:
        # libvirt has no flag for it, and QEMU counts blocktime and latency of post-copy only when told from the start.
        command_line = _add(domain, f"{{{_QEMU_NAMESPACE}}}commandline")
        for value in ("-global", "migration.postcopy-blocktime=on"):
            _add(command_line, f"{{{_QEMU_NAMESPACE}}}arg", value=value)
    ElementTree.register_namespace("qemu", _QEMU_NAMESPACE)
    return ElementTree.tostring(domain, "unicode")


def describe(xml: str, build: str) -> str:
    """Write whose guest this is, and a digest of *xml* and the guest's *build*, into the domain's description."""
    domain = ElementTree.fromstring(xml)
    _add(domain, "description", f"{WORKLOAD_MARK} {hashlib.sha256((xml + build).encode()).hexdigest()}")
    return ElementTree.tostring(domain, "unicode")


def description(xml: str) -> str:
    """What :func:`describe` wrote into *xml*."""
    return ElementTree.fromstring(xml).findtext("description") or ""


def _add_disk(devices: ElementTree.Element, path: str, shared: bool) -> None:
    disk = _add(devices, "disk", type="file", device="disk")
    # What is shared goes past the host's memory, where it might be older than what the other host has written.
    _add(disk, "driver", name="qemu", type="raw", **({"cache": "none"} if shared else {}))
    _add(disk, "source", file=path)
    _add(disk, "target", dev="vda", bus="virtio")


def _add_devices(devices: ElementTree.Element, guest: Guest, tenant_bridge: str, number: int) -> None:
    # The guest needs no screen: what is not there is neither emulated nor migrated.
    interface = _add(devices, "interface", type="bridge")
    _add(interface, "mac", address=mac_address(number))
    _add(interface, "source", bridge=tenant_bridge)
    _add(interface, "model", type="virtio")
    results = _add(devices, "channel", type="file")
    _add(results, "source", path=result_path(guest), append="on")
    _add(results, "target", type="virtio", name="org.stsm.results")
    control = _add(devices, "channel", type="unix")
    _add(control, "target", type="virtio", name="org.stsm.control")
    # What the kernel says while it boots: all there is to look at when a guest does not speak.
    console = _add(devices, "serial", type="file")
    _add(console, "source", path=f"{result_path(guest)}.console")
    _add(devices, "memballoon", model="none")
    _add(_add(devices, "video"), "model", type="none")


def _add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text or None
    return element
