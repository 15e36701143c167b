# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon of libvirt that drives QEMU on this host: which process it is, and what it has spent so far."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ._libvirt_places import places

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def daemon_pid() -> int | None:
    """The process as it runs; None where it did not write itself down."""
    runtime = places().runtime
    for name in ("virtqemud", "libvirtd"):
        for folder in (runtime, runtime.parent):
            try:
                return int(Path(folder, name + ".pid").read_text())
            except (OSError, ValueError):
                continue
    return None


def daemon_program() -> str:
    """Its program as it runs: the file of its name may have been replaced since."""
    pid = daemon_pid()
    return f"/proc/{pid}/exe" if pid else str(places().daemon)


def daemon_spent() -> dict[str, Any]:
    """``{"cpu_seconds", "read_bytes", "written_bytes"}`` since it began; empty without one.

    The bytes are those of read and write, by which it moves what comes from QEMU's end of a tunnel and goes to it, and
    not those of its encrypted connections.
    """
    pid = daemon_pid()
    try:
        stat = Path("/proc", str(pid), "stat").read_text()
        counters = dict(line.split(": ") for line in Path("/proc", str(pid), "io").read_text().splitlines())
    except OSError:
        return {}
    fields = stat[stat.rindex(")") + 2 :].split()
    seconds = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    moved = {"read_bytes": int(counters["rchar"]), "written_bytes": int(counters["wchar"])}
    return {"cpu_seconds": round(seconds, 3), **moved}
