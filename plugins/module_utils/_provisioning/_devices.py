# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Device nodes of the machine, which hosts have nodes of their own for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError


def exists(path: str) -> bool:
    return Path(path).exists() and stat.S_ISCHR(Path(path).stat().st_mode)


def number(path: str) -> str:
    """MAJOR:MINOR of the machine's node."""
    if not exists(path):
        raise MachineError(f"the machine has no device {path}: take it out of virtual_hosts_devices or load its driver")
    device = Path(path).stat().st_rdev
    return f"{os.major(device)}:{os.minor(device)}"
