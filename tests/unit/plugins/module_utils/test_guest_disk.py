# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload guest's disk: its sizes, where it lies, what libvirt and the guest's kernel are told of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import disk_path, domain_xml
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, GuestDisk, disk_seconds
from ansible_collections.stsm.live_migration.plugins.module_utils._workload_guest import kernel_arguments

HOSTS = [Host("two", "192.0.2.2", "198.51.100.2"), Host("one", "192.0.2.1", "198.51.100.1")]


def guest(storage: str = "local", disk_gib: float = 0.5, allocated: int = 100, freed: int = 28) -> Guest:
    return Guest(disk=GuestDisk(disk_gib, allocated, freed, storage))


def driver_of(asked: Guest, path: str) -> dict[str, str]:
    """The attributes of the disk's driver in the domain."""
    found = ElementTree.fromstring(domain_xml(asked, "quiet", HOSTS[0], (10, 0, 0), disk=path)).find("devices/disk")
    assert found is not None
    source, driver = found.find("source"), found.find("driver")
    assert source is not None and driver is not None
    assert source.get("file") == path
    return dict(driver.attrib)


@pytest.mark.parametrize(
    ("asked", "written_mib", "whole_gib"),
    [({}, 128, 1), ({"disk_gib": 0.0625}, 64, 1), ({"disk_gib": 2.5, "allocated": 0, "freed": 0}, 0, 3)],
)
def test_it_is_written_as_far_as_it_goes(asked: dict[str, Any], written_mib: int, whole_gib: int) -> None:
    disk = guest(**asked).disk
    assert disk is not None
    assert (disk.written_mib, disk.whole_gib) == (written_mib, whole_gib)
    told = kernel_arguments(1, None, guest(**asked))
    assert (f"stsm.written_disk_mib={written_mib}" in told.split()) == bool(written_mib)


def test_writing_takes_time_and_no_disk_takes_none() -> None:
    assert disk_seconds(guest()) == 16
    assert disk_seconds(Guest()) == 0


def test_only_one_on_local_storage_is_copied() -> None:
    assert [guest(storage).copy_disks for storage in ("local", "shared")] == [True, False]
    assert not Guest().copy_disks


def test_a_shared_folder_keeps_guests_of_one_name_on_other_hosts_apart() -> None:
    paths = {disk_path("stsm-guest", "shared", hosts) for hosts in (HOSTS, HOSTS[::-1])}
    (path,) = paths
    assert re.fullmatch(r"/var/lib/stsm-live-migration/shared/stsm-workload-stsm-guest-[0-9a-f]{12}\.img", path)
    assert disk_path("stsm-guest", "shared", [HOSTS[0], replace(HOSTS[1], address="192.0.2.9")]) != path
    assert disk_path("stsm-guest", "local", HOSTS) == "/var/lib/stsm-live-migration/guests/stsm-guest.disk"


def test_what_is_shared_goes_past_the_hosts_memory() -> None:
    assert driver_of(guest(), "/one.disk") == {"name": "qemu", "type": "raw"}
    assert driver_of(guest("shared"), "/two.img") == {"name": "qemu", "type": "raw", "cache": "none"}
