# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration as QEMU makes it when it is asked itself."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ._errors import AgentError
from ._hand_guest import HandGuest
from ._qmp import QmpEndedError

# QEMU's names of what query-migrate tells of the memory → ours, which carry units.
_OF_MEMORY = {
    "total": "memory_total_bytes",
    "transferred": "memory_processed_bytes",
    "remaining": "memory_remaining_bytes",
    "duplicate": "memory_constant_pages",
    "normal": "memory_normal_pages",
    "normal-bytes": "memory_normal_bytes",
    "dirty-pages-rate": "memory_dirty_rate_pages_per_second",
    "dirty-sync-count": "memory_iteration",
    "page-size": "memory_page_size_bytes",
    "postcopy-requests": "memory_postcopy_requests",
}
_OF_ALL = {
    "total-time": "time_elapsed_ms",
    "setup-time": "setup_time_ms",
    "cpu-throttle-percentage": "auto_converge_throttle_percent",
}
_OF_XBZRLE = {"pages": "xbzrle_pages", "bytes": "xbzrle_bytes", "cache-miss": "xbzrle_cache_misses"}


def named_statistics(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What query-migrate says under our names; what QEMU does not give stays absent.

    While it runs, its downtime is what QEMU expects it to be; so it is with libvirt's.
    """
    memory = raw.get("ram", {})
    parts = ((raw, _OF_ALL), (memory, _OF_MEMORY), (raw.get("xbzrle-cache", {}), _OF_XBZRLE))
    named = {ours: part[theirs] for part, names in parts for theirs, ours in names.items() if theirs in part}
    downtime_ms = raw.get("downtime", raw.get("expected-downtime"))
    if downtime_ms is not None:
        named["downtime_ms"] = downtime_ms
    if "mbps" in memory:
        named["memory_bytes_per_second"] = int(memory["mbps"] * 1e6 / 8)
    return named


class QmpMover:
    """The command ``migrate`` of a guest's QEMU.

    *request* holds ``uri``, ``capabilities`` (name to whether it is on), ``parameters`` (by name) and
    ``suspends_first``.
    """

    copies_disks = False
    has_begun = True

    def __init__(self, guest: HandGuest, request: Mapping[str, Any]) -> None:
        self._guest = guest
        self._client = guest.client
        self._request = request
        self._has_begun = False
        # The controller resumes, since it takes both ends to do so.
        self.resumes: list[str | None] = []

    def move(self, is_given_up: Callable[[], bool]) -> None:
        """Make the migration; returns at its end."""
        if self._request["suspends_first"]:
            self._guest.suspend()
        self._client.execute("migrate", {"uri": self._request["uri"]})
        self._has_begun = True
        try:
            status = self._guest.wait_migration_end(is_given_up)
            found = self._client.execute("query-migrate")
        except QmpEndedError:
            lost = ", and with it the memory that had not been sent yet" if self._guest.has_switched else ""
            raise AgentError(f"the source's QEMU ended while the guest was moved{lost}") from None
        self._has_begun = False
        if status == "completed":
            self._guest.completed = named_statistics(found)
        else:
            raise AgentError(found.get("error-desc") or f"QEMU says no more than that the migration is {status}")

    def abort(self) -> None:
        """Have it end before its switch."""
        self._client.execute("migrate_cancel")

    def switch(self) -> None:
        """Have it switch to post-copy."""
        self._client.execute("migrate-start-postcopy")

    def pause(self) -> None:
        """Give up the stream of a post-copy that stands still."""
        self._guest.pause_stream()

    def downtime_limit_ms(self) -> int:
        """The downtime limit in force."""
        limit: int = self._client.execute("query-migrate-parameters")["downtime-limit"]
        return limit

    def limit_downtime(self, milliseconds: int) -> None:
        """Set the downtime limit."""
        self._client.execute("migrate-set-parameters", {"downtime-limit": milliseconds})

    def statistics(self) -> dict[str, Any]:
        """Its statistics under our names; empty before it has begun and after it has ended."""
        if not self._has_begun:
            return {}
        try:
            return named_statistics(self._client.execute("query-migrate"))
        except AgentError:
            return {}
