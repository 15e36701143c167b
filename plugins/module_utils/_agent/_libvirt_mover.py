# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration as libvirt makes it."""

from __future__ import annotations

import functools
from typing import Any, Callable, Mapping

from ._binding import libvirt
from ._errors import AgentError
from ._recovery import Recovery

# libvirt's names of the job statistics → ours, which carry units.
STATISTICS = {
    "time_elapsed": "time_elapsed_ms",
    "downtime": "downtime_ms",
    "setup_time": "setup_time_ms",
    "memory_total": "memory_total_bytes",
    "memory_processed": "memory_processed_bytes",
    "memory_remaining": "memory_remaining_bytes",
    "memory_bps": "memory_bytes_per_second",
    "memory_constant": "memory_constant_pages",
    "memory_normal": "memory_normal_pages",
    "memory_normal_bytes": "memory_normal_bytes",
    "memory_dirty_rate": "memory_dirty_rate_pages_per_second",
    "memory_iteration": "memory_iteration",
    "memory_page_size": "memory_page_size_bytes",
    "memory_postcopy_requests": "memory_postcopy_requests",
    "auto_converge_throttle": "auto_converge_throttle_percent",
    "compression_pages": "xbzrle_pages",
    "compression_bytes": "xbzrle_bytes",
    "compression_cache_misses": "xbzrle_cache_misses",
    "disk_total": "disk_total_bytes",
    "disk_processed": "disk_processed_bytes",
    "disk_remaining": "disk_remaining_bytes",
}


def named_statistics(raw: Mapping[str, Any]) -> dict[str, Any]:
    """libvirt's job statistics under our names; what libvirt does not give stays absent."""
    return {ours: raw[theirs] for theirs, ours in STATISTICS.items() if theirs in raw}


class LibvirtMover:
    """``virDomainMigrateToURI3`` of a *domain*.

    *request* holds ``destination_uri``, ``flags`` (names), ``parameters`` (typed parameters by name) and ``recovers``:
    whether a post-copy that breaks is resumed, for no longer than its ``time_limit_seconds``.
    """

    def __init__(self, domain: Any, request: Mapping[str, Any]) -> None:
        self._domain = domain
        self._request = request
        self.resumes: list[str | None] = []

    @property
    def has_begun(self) -> bool:
        """Whether libvirt has taken the order: it is asked directly."""
        return True

    @property
    def copies_disks(self) -> bool:
        """Whether disks are copied before the memory's turn comes."""
        return "VIR_MIGRATE_NON_SHARED_DISK" in self._request["flags"]

    def move(self, is_given_up: Callable[[], bool]) -> None:
        """Make the migration; returns at its end."""
        error = self._attempt()
        if self._request["recovers"]:
            limit_seconds = self._request["time_limit_seconds"]
            resume = functools.partial(self._attempt, "VIR_MIGRATE_POSTCOPY_RESUME")
            recovery = Recovery(self._domain, resume, limit_seconds, is_given_up)
            error = recovery.mend(error)
            self.resumes = recovery.errors
        if error:
            raise AgentError(error)

    def _attempt(self, *more_flags: str) -> str | None:
        """Ask libvirt and wait for the end; returns its words if it fails."""
        flags = 0
        for name in (*self._request["flags"], *more_flags):
            flags |= getattr(libvirt, name)
        try:
            _ask(self._domain.migrateToURI3, self._request["destination_uri"], self._request["parameters"], flags)
        except AgentError as error:
            return str(error)
        return None

    def abort(self) -> None:
        """Have it end before its switch."""
        _ask(self._domain.abortJob)

    def switch(self) -> None:
        """Have it switch to post-copy."""
        _ask(self._domain.migrateStartPostCopy, 0)

    def pause(self) -> None:
        """Give up the stream of a post-copy that stands still."""
        _ask(self._domain.abortJobFlags, libvirt.VIR_DOMAIN_ABORT_JOB_POSTCOPY)

    def downtime_limit_ms(self) -> int:
        """The downtime limit in force."""
        limit: int = _ask(self._domain.migrateGetMaxDowntime, 0)
        return limit

    def limit_downtime(self, milliseconds: int) -> None:
        """Set the downtime limit."""
        _ask(self._domain.migrateSetMaxDowntime, milliseconds, 0)

    def statistics(self) -> dict[str, Any]:
        """The job's statistics under our names; empty before it has begun and after it has ended."""
        try:
            return named_statistics(_ask(self._domain.jobStats))
        except AgentError:
            return {}


def _ask(call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except libvirt.libvirtError as error:
        raise AgentError(_in_words(error)) from None


def _in_words(error: Any) -> str:
    """libvirt's words, and for disks on storage that the hosts do not share what to set."""
    words = str(error)
    if error.get_error_code() == libvirt.VIR_ERR_MIGRATE_UNSAFE and "shared storage" in words:
        return (
            f"{words}: the guest's disks are on storage that the hosts do not share; set guest.copy_disks to true to "
            "copy them with the guest, or put them on shared storage"
        )
    return words
