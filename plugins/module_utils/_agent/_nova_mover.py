# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that Nova has libvirt make: watched here, asked for and ended there."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Mapping

from ._clock import now_ns
from ._errors import AgentError
from ._libvirt_mover import LibvirtMover

_LOOK_SECONDS = 0.05
# How long an abort may take to show once nobody is there to say how Nova took it.
_GIVEN_UP_SECONDS = 30.0


class NovaMover(LibvirtMover):
    """Nova's migration of a *domain*, of which the controller says how it ended (:meth:`conclude`).

    *request* holds ``switch_by``, whether ``nova`` or ``libvirt`` is asked for the switch to post-copy.
    *tell* sends a notice: ``switch_due`` when the controller is to have Nova switch, ``job`` of libvirt ``begun`` and
    ``ended``.
    """

    def __init__(self, domain: Any, request: Mapping[str, Any], tell: Callable[..., None]) -> None:
        super().__init__(domain, request)
        self._tell = tell
        self._concluded = threading.Event()
        self._error: str | None = None
        self._has_begun = False
        self._has_ended = False
        self._is_due = False
        self._is_switched = False

    @property
    def copies_disks(self) -> bool:
        """Whether disks are copied before the memory's turn comes: where Nova's hosts share none, its own are."""
        return True

    @property
    def has_begun(self) -> bool:
        """Whether Nova has come to ask libvirt."""
        return self._has_begun

    def move(self, is_given_up: Callable[[], bool]) -> None:
        """Wait until the controller says how it ended; of a migration that is given up its end in libvirt is enough."""
        given_up_at: float | None = None
        while not self._concluded.wait(_LOOK_SECONDS):
            if given_up_at is None and is_given_up():
                given_up_at = time.monotonic()
            if given_up_at is not None and time.monotonic() - given_up_at > _GIVEN_UP_SECONDS:
                raise AgentError("Nobody told how Nova ended the migration")
        if self._error is not None:
            raise AgentError(self._error)

    def conclude(self, error: str | None) -> None:
        """Told by the controller: Nova has ended the migration, with an *error* unless it succeeded."""
        self._error = error
        self._concluded.set()

    def switch(self) -> None:
        """Switch through libvirt, or have the controller ask Nova; refused until the order is taken."""
        if self._request["switch_by"] == "libvirt":
            super().switch()
            return
        if not self._is_due:
            self._is_due = True
            self._tell("switch_due", at_ns=now_ns())
        if not self._is_switched:
            raise AgentError("Nova has not yet taken the order to switch")

    def confirm_switch(self) -> None:
        """Told by the controller: Nova has taken the order."""
        self._is_switched = True

    def statistics(self) -> dict[str, Any]:
        """The job's statistics; tells when libvirt's job begins and ends."""
        found = super().statistics()
        if found and not self._has_begun:
            self._has_begun = True
            self._tell("nova_job", at_ns=now_ns(), state="begun")
        elif self._has_begun and not found and not self._has_ended:
            self._has_ended = True
            self._tell("nova_job", at_ns=now_ns(), state="ended")
        return found
