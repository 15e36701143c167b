# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A cgroup for each long-running program of a machine where systemd is not PID 1, which would have made one.

A virtual host's systemd makes the cgroups of its units below the one that it was started in. Two hosts started in one
cgroup share it, and what one removes when a unit ends is gone for the unit of the same name on the other.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Iterable

# A cgroup counts as busy for a moment after its last process has ended.
_EMPTY_TIMEOUT_SECONDS = 2.0
_PROCESSES = "cgroup.procs"


def parse_mounts(mountinfo: str) -> list[Path]:
    """Where processes are kept apart, from the text of mountinfo: the named hierarchy of systemd's and version 2."""
    points: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        mount, found, kind = line.partition(" - ")
        fields, types = mount.split(), kind.split()
        # A root above one's own cgroup namespace (/..) is another's.
        if not found or fields[3].startswith("/.."):
            continue
        if types[0] == "cgroup2" or (types[0] == "cgroup" and "name=systemd" in types[2].split(",")):
            points.setdefault(types[0], Path(fields[4].encode("ascii").decode("unicode_escape")))
    return sorted(points.values())


def _mounts() -> list[Path]:
    found = parse_mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    return [mount for mount in found if os.access(str(mount), os.W_OK)]


def make(unit: str, mounts: Iterable[Path] | None = None) -> list[Path]:
    """A cgroup named after the unit in each hierarchy that is there and may be written; none where there is none."""
    made = []
    for mount in _mounts() if mounts is None else mounts:
        # One of an earlier life may still be there; one that is refused leaves the program in its starter's.
        with contextlib.suppress(OSError):
            (mount / unit).mkdir(exist_ok=True)
            made.append(mount / unit)
    return made


def enter(cgroups: Iterable[Path]) -> None:
    """Move the calling process, for use between fork and exec."""
    for cgroup in cgroups:
        with contextlib.suppress(OSError):
            (cgroup / _PROCESSES).write_text("0", encoding="ascii")


def remove(unit: str, mounts: Iterable[Path] | None = None) -> None:
    """Remove the unit's cgroups and those below, the deepest first; one that still has processes stays."""
    deadline = time.monotonic() + _EMPTY_TIMEOUT_SECONDS
    for mount in _mounts() if mounts is None else mounts:
        while not _remove_tree(mount / unit) and time.monotonic() < deadline:
            time.sleep(0.05)


def _remove_tree(cgroup: Path) -> bool:
    """Whether the cgroup is gone. Its files go with it, so each folder is removed as it is."""
    for folder, _below, _files in os.walk(str(cgroup), topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not cgroup.exists()
