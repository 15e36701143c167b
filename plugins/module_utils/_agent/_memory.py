# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a machine has to give."""

from __future__ import annotations

from pathlib import Path


def available_memory_mib() -> int:
    """What the kernel reckons that new programs may take without others being swapped out."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 10
    return 0
