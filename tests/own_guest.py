# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A guest with a disk that could be any site's own, and a shell on the hosts it lives on."""

from __future__ import annotations

import subprocess
from xml.etree import ElementTree

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import domain_xml
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest

DOMAIN = "site-db"


def on(host: Host, script: str) -> str:
    """What a shell on the host prints; the script ends at its first error."""
    command = ["ssh", *host.ssh_arguments, f"{host.user}@{host.address}", f"set -e; {script}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def definition(host: Host, disk_path: str, interface: str, accelerator: str = "tcg") -> str:
    """A domain on *host* with two processors and a disk, in which nobody speaks to us; *interface* has its prefix.

    It happens to boot the workload's kernel, which is there and boots in a second, and is never asked anything.
    """
    guest = Guest(name=DOMAIN, memory_mib=192, vcpus=2, accelerator=accelerator)
    domain = ElementTree.fromstring(
        domain_xml(guest, f"quiet stsm.working_set_mib=16 stsm.address={interface}", host, (10, 0, 0))
    )
    devices = domain.find("devices")
    assert devices is not None
    disk = ElementTree.SubElement(devices, "disk", type="file", device="disk")
    ElementTree.SubElement(disk, "driver", name="qemu", type="raw", cache="none")
    ElementTree.SubElement(disk, "source", file=disk_path)
    ElementTree.SubElement(disk, "target", dev="vda", bus="virtio")
    mac = devices.find("interface/mac")
    assert mac is not None
    mac.set("address", "52:54:00:73:64:62")
    return ElementTree.tostring(domain, "unicode")
