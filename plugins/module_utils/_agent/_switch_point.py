# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges by its statistics whether a migration is to switch to post-copy now."""

from __future__ import annotations

from typing import Any, Mapping

_NS_PER_SECOND = 1_000_000_000


class SwitchPoint:
    """*kind* and *number* are those of a scenario's switch.  Fed by :meth:`note`, asked by :meth:`is_due`.

    Disks that are copied are copied first; no switch is due before the memory's turn has come.
    """

    def __init__(self, kind: str, number: float | None, copies_disks: bool) -> None:
        self._kind = kind
        self._number = number or 1
        self._waits_for_memory = copies_disks or kind != "at-once"
        self._began_ns: int | None = None
        self._passes = 0
        self._pass_ends_at: float = 0
        self._least_bytes: int | None = None
        self._least_ns = 0

    @property
    def follows_passes(self) -> bool:
        """Whether :meth:`note` is to be called whenever QEMU announces a pass."""
        return self._kind in ("after-first-pass", "after-passes")

    def note(self, at_ns: int, seen: Mapping[str, Any]) -> None:
        """Take the statistics of a moment.  While disks are copied there is no memory to count yet."""
        if not seen.get("memory_total_bytes"):
            return
        if self._began_ns is None:
            self._began_ns = self._least_ns = at_ns
            self._pass_ends_at = seen["memory_total_bytes"] / _page_size(seen)
        self._count_passes(seen)
        left = seen.get("memory_remaining_bytes", 0)
        if self._least_bytes is None or left < self._least_bytes:
            self._least_bytes, self._least_ns = left, at_ns

    def _count_passes(self, seen: Mapping[str, Any]) -> None:
        # The number of a pass alone does not tell: QEMU counts looks at the dirty bitmap, and with post-copy permitted
        # QEMU 11 takes one every 60 ms.  The first pass is over when as many pages are sent as there are, a later one
        # when as many are sent as were left when it began.
        sent_pages = seen.get("memory_normal_pages", 0) + seen.get("memory_constant_pages", 0)
        if sent_pages >= self._pass_ends_at:
            self._passes += 1
            self._pass_ends_at = sent_pages + max(1.0, seen.get("memory_remaining_bytes", 0) / _page_size(seen))

    def is_due(self, now_ns: int) -> bool:
        """Whether to ask for the switch now."""
        if self._kind == "never" or self._waits_for_memory and self._began_ns is None:
            return False
        if self._kind == "at-once":
            return True
        if self.follows_passes:
            return self._passes >= self._number
        since_ns = self._least_ns if self._kind == "at-stall" else self._began_ns or now_ns
        return now_ns - since_ns >= self._number * _NS_PER_SECOND


def _page_size(seen: Mapping[str, Any]) -> int:
    return int(seen.get("memory_page_size_bytes", 4096))
