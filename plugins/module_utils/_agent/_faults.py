# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: at a moment of a migration the link is cut, or the guest's QEMU is killed on this host."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any, Callable, Mapping

from ._clock import now_ns
from ._errors import AgentError
from ._link_cut import LinkCut
from ._samples import guest_pid

# How long after its moment a fault strikes: into pre-copy's stream, and not into its setting up; and after both ends
# have noticed the switch, since QEMU's source may still take back a guest whose destination dies in between.
_DELAY_SECONDS = {"active": 0.3, "kill": 0.1}
# The statuses of a migration at which a fault of each moment strikes, one after the other.
_MOMENTS = {
    "pre-copy": ("active",),
    "post-copy": ("postcopy-active",),
    # Broken first, or there would be nothing to recover; older QEMUs have no status for setting up.
    "recovery": ("postcopy-active", "postcopy-recover"),
}
EVENT = "STSM_FAULT"


class Fault:
    """Armed for one migration of *guest*: *kind* (``link-cut`` or ``kill``), *at* a moment, on an *interface*.

    *notify* gets an event of its own when it strikes and when it is over.
    """

    def __init__(self, guest: str, request: Mapping[str, Any], notify: Callable[..., None]) -> None:
        self._guest = guest
        self._request = request
        self._notify = notify
        self._moments = list(_MOMENTS[request["at"]])
        self._is_over = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._threads: list[threading.Thread] = []

    def note_status(self, status: str) -> None:
        """Told of each status of the migration, by a thread that must not wait."""
        if self._moments and status.startswith(self._moments[0]) and not self._is_over.is_set():
            moment = self._moments.pop(0)
            delay_seconds = max(_DELAY_SECONDS.get(key, 0.0) for key in (moment, self._request["kind"]))
            thread = threading.Thread(target=self._strike, args=(delay_seconds,), name="fault", daemon=True)
            self._threads.append(thread)
            thread.start()

    def disarm(self) -> None:
        """End it, and be sure that nothing of it is left."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _strike(self, delay_seconds: float) -> None:
        if self._is_over.wait(delay_seconds):
            return
        with self._one_at_a_time:
            try:
                if self._request["kind"] == "kill":
                    self._kill()
                else:
                    self._cut(self._request["seconds"])
            except AgentError as error:
                self._tell("failed", reason=str(error))

    def _kill(self) -> None:
        pid = guest_pid(self._guest)
        if pid is None:
            raise AgentError(f"The guest {self._guest} has no QEMU on this host that could be killed.")
        self._tell("begun")
        os.kill(pid, signal.SIGKILL)

    def _cut(self, seconds: float) -> None:
        cut = LinkCut(self._request["interface"], seconds)
        self._tell("begun")
        try:
            self._is_over.wait(seconds)
        finally:
            cut.heal()
        self._tell("over")

    def _tell(self, state: str, **more: Any) -> None:
        data = {"kind": self._request["kind"], "state": state, **more}
        self._notify("event", at_ns=now_ns(), guest=self._guest, event=EVENT, data=data)
