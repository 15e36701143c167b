# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration out of this host: begun, steered, watched, and brought to an end whatever happens."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from ._clock import now_ns
from ._errors import AgentError
from ._mover import Mover

_STEER_SECONDS = 0.01
_WATCH_SECONDS = 0.05


class Migration:
    """Has a *mover* make the migration, in a thread of its own, and steers it.

    *request* holds ``switch`` (``never``, ``at-once`` or ``after-first-pass``), ``time_limit_seconds`` and
    ``downtime_limit_ms`` (or None).
    Disks that are copied are copied first; no switch is asked for before the memory's turn has come.
    Notices, tagged with the *guest*: ``job`` with statistics while it runs; ``finished`` at the end.
    """

    def __init__(self, guest: str, mover: Mover, request: dict[str, Any], notify: Callable[..., None]) -> None:
        self._guest = guest
        self._mover = mover
        self._request = request
        self._notify = notify
        self._pass = 0
        self._judged_pass = 0
        self._covered = False
        self._wake = threading.Condition()
        self._abort_reason: str | None = None
        self._switch_requested_ns: int | None = None
        self._error: str | None = None
        self._ended_ns = 0
        self._driver = threading.Thread(target=self._drive, name="migrate", daemon=True)
        self._steerer = threading.Thread(target=self._steer, name="steer", daemon=True)
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._started_ns = 0

    def start(self) -> None:
        self._started_ns = now_ns()
        for thread in (self._driver, self._steerer, self._watcher):
            thread.start()

    def note_pass(self, number: int) -> None:
        """Told by QEMU: pass *number* over the guest's memory begins (the first is 1)."""
        with self._wake:
            self._pass = number
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
            self._mover.move()
        except AgentError as error:
            self._error = str(error)
        finally:
            self._ended_ns = now_ns()

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
                    self._try(self._mover.abort)
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
            self._try(self._mover.limit_downtime, former_limit_ms)
        self._notify(
            "finished",
            at_ns=self._ended_ns,
            guest=self._guest,
            start_ns=self._started_ns,
            end_ns=self._ended_ns,
            switch_requested_ns=self._switch_requested_ns,
            abort_reason=self._abort_reason if self._error else None,
            error=self._error,
        )

    def _switch_is_due(self) -> bool:
        switch = self._request["switch"]
        if switch == "at-once":
            return not self._mover.copies_disks or self._mover.statistics().get("memory_total_bytes", 0) > 0
        return switch == "after-first-pass" and self._first_pass_is_over()

    def _first_pass_is_over(self) -> bool:
        # The number of a pass alone does not tell: QEMU counts looks at the dirty bitmap, and with post-copy permitted
        # QEMU 11 takes one every 60 ms.  The first pass is over when as many pages are sent as there are.
        if self._pass != self._judged_pass:
            self._judged_pass = self._pass
            seen = self._mover.statistics()
            sent_pages = seen.get("memory_normal_pages", 0) + seen.get("memory_constant_pages", 0)
            # While disks are copied there is no memory to count yet.
            total_bytes = seen.get("memory_total_bytes", 0) or 1 << 63
            self._covered = sent_pages * seen.get("memory_page_size_bytes", 4096) >= total_bytes
        return self._covered

    def _switch(self) -> None:
        asked_ns = now_ns()
        # Too early it is refused, which passes: asked again at the next turn.
        if self._try(self._mover.switch):
            self._switch_requested_ns = asked_ns

    def _former_downtime_limit_ms(self) -> int | None:
        try:
            return self._mover.downtime_limit_ms()
        except AgentError:
            return None

    def _limit_downtime(self, milliseconds: int) -> bool:
        return self._try(self._mover.limit_downtime, milliseconds)

    def _watch(self) -> None:
        while self._driver.is_alive():
            seen = self._mover.statistics()
            if "memory_total_bytes" in seen:
                self._notify("job", at_ns=now_ns(), guest=self._guest, statistics=seen)
            self._driver.join(_WATCH_SECONDS)

    @staticmethod
    def _try(call: Callable[..., Any], *arguments: Any) -> bool:
        try:
            call(*arguments)
        except AgentError:
            return False
        return True
