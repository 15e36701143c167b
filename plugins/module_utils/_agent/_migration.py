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
from ._stall import Stall
from ._switch_point import SwitchPoint
from ._witness import Witness

# How long one that nobody controls any more may take to end.
END_SECONDS = 120
_STEER_SECONDS = 0.01
_WATCH_SECONDS = 0.05
_HOLD_NS = 250_000_000


class Migration:
    """Has a *mover* make the migration, in a thread of its own, and steers it.

    *request* holds ``switch`` and ``switch_number`` (of a scenario's switch, or ``never``), ``time_limit_seconds``,
    ``downtime_limit_ms`` (or None), ``holds_downtime_limit``, whether that is set again and again against somebody else
    who sets it, and ``recovers``, whether a post-copy that stands still is paused to be resumed.
    Notices, tagged with the *guest*: ``job`` with statistics while it runs; ``finished`` at the end, with what the
    *witness* saw and what each attempt to resume came to.
    """

    def __init__(
        self, guest: str, mover: Mover, request: dict[str, Any], notify: Callable[..., None], witness: Witness
    ) -> None:
        self._guest = guest
        self._mover = mover
        self._request = request
        self._notify = notify
        self._witness = witness
        self._switch_point = SwitchPoint(request["switch"], request["switch_number"], mover.copies_disks)
        self._stall = Stall()
        self._wake = threading.Condition()
        self._pass_begins = False
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

    def note_pass(self) -> None:
        """Told by QEMU: a pass over the guest's memory begins."""
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
            self._mover.move(lambda: self._abort_reason is not None)
        except AgentError as error:
            self._error = str(error)
        finally:
            self._ended_ns = now_ns()

    def _steer(self) -> None:
        limit_ns: int | None = None
        downtime_limit_ms = self._request.get("downtime_limit_ms")
        limited_ns = 0
        former_limit_ms = self._former_downtime_limit_ms()
        while self._driver.is_alive():
            if limit_ns is None and self._mover.has_begun:
                limit_ns = now_ns() + int(self._request["time_limit_seconds"] * 1e9)
            if downtime_limit_ms is not None and now_ns() >= limited_ns and self._limit_downtime(downtime_limit_ms):
                limited_ns = now_ns() + _HOLD_NS
                if not self._request.get("holds_downtime_limit"):
                    downtime_limit_ms = None
            if self._switch_requested_ns is None:
                if limit_ns is not None and now_ns() >= limit_ns:
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
            qemu=self._witness.told(),
            resumes=self._mover.resumes,
        )

    def _switch_is_due(self) -> bool:
        if self._pass_begins and self._switch_point.follows_passes:
            self._pass_begins = False
            self._switch_point.note(now_ns(), self._mover.statistics())
        return self._switch_point.is_due(now_ns())

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
                self._witness.look()
                if not self._switch_point.follows_passes:
                    self._switch_point.note(now_ns(), seen)
                is_watched = self._request["recovers"] and self._switch_requested_ns is not None
                if is_watched and self._stall.stands(now_ns(), seen):
                    self._try(self._mover.pause)
                self._notify("job", at_ns=now_ns(), guest=self._guest, statistics=seen)
            self._driver.join(_WATCH_SECONDS)

    @staticmethod
    def _try(call: Callable[..., Any], *arguments: Any) -> bool:
        try:
            call(*arguments)
        except AgentError:
            return False
        return True
