# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Folders of the machine that a host sees and may write; they are the machine's, and stay when the host goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError

# A colon separates what nspawn binds, and a backslash escapes one.
_PATH = re.compile(r"(/(?!\.\.?(/|$))[^/:\\]+)+")
_MODE = 0o755


def check(host: str, given: Mapping[str, Any], state_folder: Path) -> dict[str, str]:
    """Path on the machine → path in the host; MachineError names the first that will not do."""
    folders = {str(outside): str(inside) for outside, inside in given.items()}
    for outside, inside in folders.items():
        for path in (outside, inside):
            if not _PATH.fullmatch(path):
                raise MachineError(
                    f"host {host} is to share {outside!r} as {inside!r}: set virtual_host_folders to absolute paths of "
                    "folders, without a colon, a backslash or .. in them"
                )
        if Path(outside).exists() and not Path(outside).is_dir():
            raise MachineError(
                f"host {host} is to share {outside}, which is not a folder: name another in virtual_host_folders"
            )
        # Teardown empties the one, and hosts write into the other.
        place, state = Path(outside).resolve(), state_folder.resolve()
        if place == state or place in state.parents or state in place.parents:
            raise MachineError(
                f"host {host} is to share {outside}, which overlaps the hosts' own folder {state_folder}: set "
                "virtual_host_folders to a folder of its own"
            )
    twice = sorted({inside for inside in folders.values() if list(folders.values()).count(inside) > 1})
    if twice:
        raise MachineError(f"host {host} is to see two folders at {twice[0]}: give each its own path in the host")
    return folders


def make(path: str) -> None:
    Path(path).mkdir(parents=True)
    # Whatever the umask is.
    Path(path).chmod(_MODE)
