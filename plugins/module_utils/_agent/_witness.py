# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration really runs with: asked of the source's QEMU while it runs, since nobody can say it afterwards."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Callable

from ._binding import libvirt
from ._clock import now_ns
from ._errors import AgentError
from ._samples import guest_pid

_PERIOD_NS = 250_000_000
_ESTABLISHED = "01"
_UNDER_WAY = ("active", "postcopy-active")


class Witness:
    """Of the migration of *guest*; *ask* puts one read-only command to its QEMU."""

    def __init__(self, guest: str, ask: Callable[[str], Any]) -> None:
        self._guest = guest
        self._ask = ask
        self._seen: dict[str, Any] = {"capabilities": [], "parameters": {}, "statistics": {}, "connections": 0}
        self._looked_ns = 0
        # Of its disks or its screen, not of a migration.
        self._former = connections(guest_pid(guest))

    def look(self) -> None:
        """Look again if it is time to; harmless when the guest has gone."""
        if now_ns() - self._looked_ns < _PERIOD_NS:
            return
        self._looked_ns = now_ns()
        with contextlib.suppress(libvirt.libvirtError, AgentError, OSError, ValueError):
            self._seen["statistics"] = statistics = self._ask("query-migrate")
            # Before the stream begins, libvirt has not yet set all of it; at the end it takes it back.
            if not self._seen["capabilities"] and statistics.get("status") in _UNDER_WAY:
                self._seen["parameters"] = self._ask("query-migrate-parameters")
                rows = self._ask("query-migrate-capabilities")
                self._seen["capabilities"] = sorted(row["capability"] for row in rows if row["state"])
            new = connections(guest_pid(self._guest)) - self._former
            self._seen["connections"] = max(self._seen["connections"], len(new))

    def told(self) -> dict[str, Any]:
        """``{"capabilities" (those on), "parameters", "statistics" (the last), "connections" (the most at once)}``."""
        return self._seen


def connections(pid: int | None) -> set[str]:
    """The TCP connections that a process has, by their sockets' numbers."""
    if pid is None:
        return set()
    own = set()
    for descriptor in Path("/proc", str(pid), "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                own.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc", str(pid), "net", table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _ESTABLISHED and fields[9] in own:
                found.add(fields[9])
    return found
