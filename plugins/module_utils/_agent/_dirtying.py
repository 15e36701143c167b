# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running guest does to its memory: libvirt's dirty rate calculation, and how much of the memory is touched.

The guest is not disturbed by page-sampling.  The dirty bitmap and the dirty ring are exact and cost it a fault for each
page that it writes.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Iterable
from xml.etree import ElementTree

from ._binding import libvirt
from ._errors import AgentError
from ._samples import guest_pid

_MODES = {"page-sampling": 0, "dirty-bitmap": 1, "dirty-ring": 2}
_MEASURED = 2
# QEMU counts for the time that it is given; that it does not end is a fault of its own.
_PATIENCE_SECONDS = 15.0
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ")
# Smaller mappings of QEMU are not the guest's memory.
_SMALLEST_SHARE = 8


def describe(domain: Any) -> dict[str, Any]:
    """``{"memory_mib", "touched_mib", "vcpus", "accelerator", "has_dirty_ring"}`` of a running guest.

    *touched_mib* is what the host holds of the guest's memory, None where that cannot be told.
    """
    tree = ElementTree.fromstring(domain.XMLDesc())
    memory_mib = domain.info()[2] / 1024
    pid = guest_pid(domain.name())
    ring = tree.find("features/kvm/dirty-ring[@state='on']")
    return {
        "memory_mib": memory_mib,
        "touched_mib": None if pid is None else touched_mib(_lines(pid), memory_mib),
        "vcpus": domain.info()[3],
        "accelerator": "kvm" if tree.get("type") == "kvm" else "tcg",
        "has_dirty_ring": ring is not None,
    }


def measure(connection: Any, domain: Any, seconds: int, mode: str) -> float:
    """How much memory *domain* changed in so many seconds, in MiB; a page that was written twice counts once."""
    try:
        domain.startDirtyRateCalc(seconds, _MODES[mode])
        deadline = time.monotonic() + seconds + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.1)
            ((_domain, told),) = connection.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE)
            if told.get("dirtyrate.calc_status") == _MEASURED:
                return float(_rate(told, mode) * told["dirtyrate.calc_period"])
    except AttributeError:
        raise AgentError("libvirt on the host has no dirty rate calculation: update it to 7.2 or newer.") from None
    except libvirt.libvirtError as error:
        raise AgentError(f"The dirty rate of {domain.name()} cannot be measured by {mode}: {error}.") from None
    raise AgentError(f"The dirty rate of {domain.name()} was not measured within {seconds + _PATIENCE_SECONDS:g} s.")


def _rate(told: dict[str, Any], mode: str) -> int:
    """The rate in MiB/s; of a ring it is told for each processor."""
    if mode != "dirty-ring":
        return int(told["dirtyrate.megabytes_per_second"])
    counts = [value for key, value in told.items() if re.fullmatch(r"dirtyrate\.vcpu\.\d+\.megabytes_per_second", key)]
    return sum(map(int, counts))


def _lines(pid: int) -> list[str]:
    try:
        return Path("/proc", str(pid), "smaps").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def touched_mib(lines: Iterable[str], memory_mib: float) -> float | None:
    """What of the guest's memory the host holds, from the lines of QEMU's smaps; None if no mapping can be it.

    The buffer for translated code is as large, and known by being executable.
    """
    held_kib, is_guest, found = 0, False, False
    for line in lines:
        mapping = _MAPPING.match(line)
        if mapping:
            size = int(mapping[2], 16) - int(mapping[1], 16)
            is_guest = size >= memory_mib * (1 << 20) / _SMALLEST_SHARE and mapping[3].startswith("rw-")
            found = found or is_guest
        elif is_guest and line.startswith(("Rss:", "Shared_Hugetlb:", "Private_Hugetlb:")):
            held_kib += int(line.split()[1])
    return min(memory_mib, held_kib / 1024) if found else None
