# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guest a scenario asks for: the project's own, or a domain that a site already has."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section

ACCELERATORS = ("tcg", "kvm")
# What a site may ask preflight, which answers with one of them.
ANY_ACCELERATOR = "auto"
MACHINES = ("q35", "pc")
# What the kernel may have set aside: 2 MiB and 1 GiB.
HUGE_PAGES_KIB = (2048, 1 << 20)

# What the guest's kernel and the workload's own book-keeping take of its memory: a fixed part and a share.
GUEST_RESERVE_MIB = 96
GUEST_RESERVE_SHARE = 1 / 32

# A disk that is slower than this is not worth waiting for.
_LEAST_DISK_MIB_PER_SECOND = 8.0

_DISK_KEYS = ("storage", "disk_gib", "allocated_disk_mib", "freed_disk_mib")
_GUEST_KEYS = (
    "name",
    "memory_mib",
    "vcpus",
    "machine",
    "cpu_model",
    "accelerator",
    "huge_page_kib",
    "domain",
    "copy_disks",
    *_DISK_KEYS,
)

# Of the hosts by themselves, or one folder of both.
STORAGES = ("local", "shared")


@dataclass(frozen=True)
class GuestDisk:
    """A disk of the workload guest, of which the guest writes the first part while it boots.

    One on local storage is copied with the guest, one on shared storage stays where it is.

    What was written to it and deleted again stays allocated, since no file system of ours tells the disk.
    """

    disk_gib: float
    allocated_disk_mib: int = 0
    freed_disk_mib: int = 0
    storage: str = "local"

    @property
    def virtual_bytes(self) -> int:
        """How large the guest sees it."""
        return round(self.disk_gib * (1 << 30))

    @property
    def whole_gib(self) -> int:
        """Its size where there is none but in whole GiB: of it, too, only what was written is copied."""
        return math.ceil(self.disk_gib)

    @property
    def written_mib(self) -> int:
        """How much of it the guest writes, and a move has to copy."""
        return min(self.virtual_bytes >> 20, self.allocated_disk_mib + self.freed_disk_mib)


@dataclass(frozen=True)
class Guest:
    """The project's own guest, which runs the workload and verifies its memory."""

    name: str = "stsm-guest"
    memory_mib: int = 512
    vcpus: int = 1
    machine: str = "q35"
    cpu_model: str = "qemu64"
    accelerator: str = "tcg"
    # None: ordinary pages.
    huge_page_kib: int | None = None
    disk: GuestDisk | None = None

    @property
    def copy_disks(self) -> bool:
        """Whether image files are copied with the guest."""
        return self.disk is not None and self.disk.storage == "local"

    @property
    def largest_working_set_mib(self) -> int:
        """How much of the guest's memory the workload may use."""
        return int(self.memory_mib * (1 - GUEST_RESERVE_SHARE)) - GUEST_RESERVE_MIB

    def to_dict(self) -> dict[str, Any]:
        """Return the guest as from_dict takes it.

        Ordinary pages and no disk are left out, so that scenarios from before there were others keep their hash.
        """
        fields = asdict(self)
        if self.huge_page_kib is None:
            del fields["huge_page_kib"]
        disk = fields.pop("disk") or {}
        return {**fields, **disk}


@dataclass(frozen=True)
class SiteGuest:
    """A domain that a site already has. It has no workload, and so no vantage point inside.

    copy_disks says that its image files are on storage that the hosts do not share, and are copied with it.
    """

    domain: str
    copy_disks: bool = False

    @property
    def name(self) -> str:
        """The name libvirt knows the guest by."""
        return self.domain

    def to_dict(self) -> dict[str, Any]:
        """Return the guest as from_dict takes it."""
        return asdict(self)


def disk_seconds(guest: Guest | SiteGuest) -> float:
    """How long a guest may take to write what it writes to its disk, or to read it again; 0 without a disk of ours."""
    disk = guest.disk if isinstance(guest, Guest) else None
    return disk.written_mib / _LEAST_DISK_MIB_PER_SECOND if disk else 0.0


def read_guest(top: Section) -> Guest | SiteGuest:
    """Return the guest: the project's own, or a site's domain if only a domain is given."""
    section = Section("guest", top.get("guest") if top.has("guest") else {}, _GUEST_KEYS)
    if section.has("domain"):
        own = [key for key in _GUEST_KEYS if key not in ("domain", "copy_disks")]
        section.refuse_any(own, "guest.domain names a site's own guest, which is taken as it is", "leave it out")
        return SiteGuest(section.name("domain"), section.flag("copy_disks", SiteGuest.copy_disks))
    if section.get("accelerator") == ANY_ACCELERATOR:
        raise ScenarioError(
            f"guest.accelerator is '{ANY_ACCELERATOR}', but a run has one of {', '.join(ACCELERATORS)}: set the one"
            f" that preflight_info returns (the role campaign does so for '{ANY_ACCELERATOR}' in campaign_scenario)."
        )
    section.refuse_any(["copy_disks"], "the workload guest has storage for that", "leave it out")
    huge_page_kib = section.whole("huge_page_kib") if section.has("huge_page_kib") else None
    if huge_page_kib is not None and huge_page_kib not in HUGE_PAGES_KIB:
        raise section.refuse("huge_page_kib", " or ".join(map(str, HUGE_PAGES_KIB)))
    return Guest(
        name=section.name("name", Guest.name),
        memory_mib=section.whole("memory_mib", Guest.memory_mib, at_least=128),
        vcpus=section.whole("vcpus", Guest.vcpus, at_most=255),
        machine=section.choice("machine", MACHINES, default=Guest.machine),
        cpu_model=section.name("cpu_model", Guest.cpu_model),
        accelerator=section.choice("accelerator", ACCELERATORS, default=Guest.accelerator),
        huge_page_kib=huge_page_kib,
        disk=_read_disk(section) if any(section.has(key) for key in _DISK_KEYS) else None,
    )


def _read_disk(section: Section) -> GuestDisk:
    return GuestDisk(
        disk_gib=section.number("disk_gib", above=0),
        allocated_disk_mib=section.whole("allocated_disk_mib", 0, at_least=0),
        freed_disk_mib=section.whole("freed_disk_mib", 0, at_least=0),
        storage=section.choice("storage", STORAGES, default=GuestDisk.storage),
    )
