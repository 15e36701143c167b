# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Safe handling of whole folders: mounts in them, their removal, the room on their disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError

_MIB = 1024 * 1024


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below `folder`, the deepest first."""
    root = str(folder.resolve())
    points = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        point = line.split()[4].encode("ascii").decode("unicode_escape")
        if point == root or point.startswith(root + "/"):
            points.append(Path(point))
    return sorted(points, key=lambda path: len(path.parts), reverse=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it; refused while anything is mounted there, because that would be emptied, too."""
    mounted = mounts_below(folder)
    if mounted:
        raise MachineError(f"{mounted[0]} is still mounted, so {folder} is not removed: unmount it first")
    if folder.is_dir():
        shutil.rmtree(str(folder))


def require_free_disk(folder: Path, needed_mib: int, what: str) -> None:
    """Refuse by name where the disk of `folder` (which need not exist yet) has less than `needed_mib` left."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    status = os.statvfs(str(existing))
    free_mib = status.f_bavail * status.f_frsize // _MIB
    if free_mib < needed_mib:
        raise MachineError(
            f"{folder} has {free_mib} MiB of free disk but {what} needs {needed_mib} MiB: "
            "free some or name another folder"
        )


def write_file(path: Path, content: str, mode: int = 0o644) -> bool:
    """Write `content` unless it is there already, whole or not at all; says whether it was written."""
    if path.is_file() and path.read_text(encoding="utf-8") == content and path.stat().st_mode & 0o7777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(content, encoding="utf-8")
    partial.chmod(mode)
    partial.replace(path)
    return True
