# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration out of this host: begun, steered, watched, and brought to an end whatever happens."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from ._binding import libvirt
from ._clock import now_ns
from ._recovery import Recovery
from ._switch_point import SwitchPoint
from ._witness import Witness

_STEER_SECONDS = 0.01
_WATCH_SECONDS = 0.05

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


def named_statistics(raw: dict[str, Any]) -> dict[str, Any]:
    """libvirt's job statistics under our names; what libvirt does not give stays absent."""
    return {ours: raw[theirs] for theirs, ours in STATISTICS.items() if theirs in raw}


def _in_words(error: Any) -> str:
    """libvirt's words, and for disks on storage that the hosts do not share what to set."""
    words = str(error)
    if error.get_error_code() == libvirt.VIR_ERR_MIGRATE_UNSAFE and "shared storage" in words:
        return (
            f"{words}: the guest's disks are on storage that the hosts do not share; set guest.copy_disks to true to "
            "copy them with the guest, or put them on shared storage"
        )
    return words


class Migration:
    """Drives ``virDomainMigrateToURI3`` from a thread of its own.

    *request* holds ``destination_uri``, ``flags`` (names), ``parameters`` (typed parameters by name), ``switch`` and
    ``switch_number`` (of a scenario's switch, or ``never``), ``time_limit_seconds``, ``downtime_limit_ms`` (or None)
    and ``recovers``: whether a post-copy that breaks is resumed, for no longer than the time limit.
    Notices, tagged with the *guest*: ``job`` with statistics while it runs; ``finished`` at the end, with what the
    *witness* saw and what each attempt to resume came to.
    """

    def __init__(
        self, guest: str, domain: Any, request: dict[str, Any], notify: Callable[..., None], witness: Witness
    ) -> None:
        self._guest = guest
        self._domain = domain
        self._request = request
        self._notify = notify
        self._witness = witness
        copies_disks = "VIR_MIGRATE_NON_SHARED_DISK" in request["flags"]
        self._switch_point = SwitchPoint(request["switch"], request["switch_number"], copies_disks)
        self._wake = threading.Condition()
        self._pass_begins = False
        self._abort_reason: str | None = None
        self._switch_requested_ns: int | None = None
        self._error: str | None = None
        self._ended_ns = 0
        self._recovery = Recovery(
            domain,
            lambda: self._attempt("VIR_MIGRATE_POSTCOPY_RESUME"),
            request["time_limit_seconds"],
            lambda: self._abort_reason is not None,
        )
        self._driver = threading.Thread(target=self._drive, name="migrate", daemon=True)
        self._steerer = threading.Thread(target=self._steer, name="steer", daemon=True)
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._started_ns = 0

    def start(self) -> None:
        self._started_ns = now_ns()
        for thread in (self._driver, self._steerer, self._watcher):
            thread.start()

    def note_pass(self) -> None:
        """Told by libvirt: a pass over the guest's memory begins."""
        with self._wake:
            self._pass_begins = True
            self._wake.notify()

    def abort(self, reason: str) -> None:
        """Ask for an end; a migration that has switched to post-copy cannot go back and is left to finish."""
        with self._wake:
            self._abort_reason = self._abort_reason or reason
            self._wake.notify()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end; False if it has not come."""
        self._steerer.join(timeout_seconds)
        return not self._steerer.is_alive()

    def _drive(self) -> None:
        try:
            self._error = self._attempt()
            if self._request["recovers"]:
                self._error = self._recovery.mend(self._error)
        finally:
            self._ended_ns = now_ns()

    def _attempt(self, *more_flags: str) -> str | None:
        """Ask libvirt and wait for the end; returns its words if it fails."""
        flags = 0
        for name in (*self._request["flags"], *more_flags):
            flags |= getattr(libvirt, name)
        try:
            self._domain.migrateToURI3(self._request["destination_uri"], self._request["parameters"], flags)
        except libvirt.libvirtError as error:
            return _in_words(error)
        return None

    def _steer(self) -> None:
        limit_ns = self._started_ns + int(self._request["time_limit_seconds"] * 1e9)
        downtime_limit_ms = self._request.get("downtime_limit_ms")
        former_limit_ms = self._former_downtime_limit_ms()
        while self._driver.is_alive():
            if downtime_limit_ms is not None and self._limit_downtime(downtime_limit_ms):
                downtime_limit_ms = None
            if self._switch_requested_ns is None:
                if now_ns() >= limit_ns:
                    self.abort("time-limit")
                if self._abort_reason:
                    self._try(self._domain.abortJob)
                elif self._switch_is_due():
                    self._switch()
            with self._wake:
                if self._switch_requested_ns is not None or not self._switch_is_due():
                    self._wake.wait(_STEER_SECONDS)
                else:
                    time.sleep(_STEER_SECONDS)
        self._watcher.join()
        if former_limit_ms is not None:
            # The guest that stayed must not keep this run's limit; one that moved has left it behind.
            self._try(self._domain.migrateSetMaxDowntime, former_limit_ms, 0)
        self._notify(
            "finished",
            at_ns=self._ended_ns,
            guest=self._guest,
            start_ns=self._started_ns,
            end_ns=self._ended_ns,
            switch_requested_ns=self._switch_requested_ns,
            abort_reason=self._abort_reason if self._error else None,
            error=self._error,
            qemu=self._witness.told(),
            resumes=self._recovery.errors,
        )

    def _switch_is_due(self) -> bool:
        if self._pass_begins and self._switch_point.follows_passes:
            self._pass_begins = False
            self._switch_point.note(now_ns(), self._statistics())
        return self._switch_point.is_due(now_ns())

    def _switch(self) -> None:
        asked_ns = now_ns()
        # Too early libvirt refuses in one of two ways, both of which pass: asked again at the next turn.
        if self._try(self._domain.migrateStartPostCopy, 0):
            self._switch_requested_ns = asked_ns

    def _former_downtime_limit_ms(self) -> int | None:
        try:
            limit: int = self._domain.migrateGetMaxDowntime(0)
        except libvirt.libvirtError:
            return None
        return limit

    def _limit_downtime(self, milliseconds: int) -> bool:
        return self._try(self._domain.migrateSetMaxDowntime, milliseconds, 0)

    def _watch(self) -> None:
        while self._driver.is_alive():
            raw = self._statistics()
            if "memory_total" in raw:
                self._witness.look()
                if not self._switch_point.follows_passes:
                    self._switch_point.note(now_ns(), raw)
                if self._request["recovers"] and self._switch_requested_ns is not None:
                    self._recovery.note(raw)
                self._notify("job", at_ns=now_ns(), guest=self._guest, statistics=named_statistics(raw))
            self._driver.join(_WATCH_SECONDS)

    def _statistics(self) -> dict[str, Any]:
        """libvirt's statistics of the job; empty before it has begun and after it has ended."""
        try:
            raw: dict[str, Any] = self._domain.jobStats()
        except libvirt.libvirtError:
            return {}
        return raw

    @staticmethod
    def _try(call: Callable[..., Any], *arguments: Any) -> bool:
        try:
            call(*arguments)
        except libvirt.libvirtError:
            return False
        return True
