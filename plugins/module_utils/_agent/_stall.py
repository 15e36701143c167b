# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a post-copy stands still: a cut link is silent, and QEMU would wait for its peer for a quarter of an hour."""

from __future__ import annotations

from typing import Any, Mapping

STALL_NS = 5_000_000_000


class Stall:
    """Fed with the statistics of a migration that has switched."""

    def __init__(self) -> None:
        self._progress: tuple[int, int] | None = None
        self._since_ns = 0

    def stands(self, at_ns: int, seen: Mapping[str, Any]) -> bool:
        """Whether nothing has moved for too long; told once, and not again before as long a time has passed."""
        progress = (seen.get("memory_processed_bytes", 0), seen.get("memory_postcopy_requests", 0))
        if progress != self._progress:
            self._progress, self._since_ns = progress, at_ns
        if at_ns - self._since_ns < STALL_NS:
            return False
        self._since_ns = at_ns
        return True
