# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a post-copy whose stream has broken back, by asking both QEMUs; or ends it where it cannot be brought back."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

_RETRY_SECONDS = 1.0


class Recovery:
    """Of one guest's migration; *given_up_because* says why there is no guest any more, None while there may be one."""

    def __init__(self, guest: str, source: HostConnection, destination: HostConnection) -> None:
        self.given_up_because: str | None = None
        # What each attempt came to, None for one that QEMU began.
        self.attempts: list[str | None] = []
        self._guest = guest
        self._source = source
        self._destination = destination
        self._broke_at: float | None = None
        self._tried_at = 0.0
        self._uri: str | None = None

    def look(self, scenario: Scenario) -> None:
        """Called again and again while the migration runs: resume it if its stream is broken."""
        if self._status(self._source) != "postcopy-paused" or self.given_up_because is not None:
            return
        now = time.monotonic()
        self._broke_at = self._broke_at or now
        if not scenario.strategy.recovers:
            self._give_up("the stream broke in post-copy, and strategy.recovers is not set")
        elif now - self._broke_at > scenario.time_limit_seconds:
            self._give_up(f"the stream broke in post-copy and was not back within {scenario.time_limit_seconds:g} s")
        elif now - self._tried_at > _RETRY_SECONDS:
            self._tried_at = now
            self._resume()

    def _resume(self) -> None:
        """Have the destination wait for the rest, and the source send it; what fails for now is tried again."""
        try:
            # Of a cut link only one end may know.
            self._destination.call("pause_stream", guest=self._guest)
        except InstrumentError as error:
            self._give_up(f"the stream broke in post-copy, and the destination's QEMU is gone ({error})")
            return
        # A destination that waits already refuses to be told again, and goes on waiting where it was told first.
        with contextlib.suppress(InstrumentError):
            address = self._destination.host.migration_address
            self._uri = self._destination.call("await_rest", guest=self._guest, address=address)
        try:
            self._source.call("send_rest", guest=self._guest, uri=self._uri)
            self.attempts.append(None)
        except InstrumentError as error:
            self.attempts.append(str(error))

    def _give_up(self, reason: str) -> None:
        """End the source's half: neither half of the guest can run without the other."""
        self.given_up_because = reason
        self._source.call("dismiss_guest", guest=self._guest)

    def _status(self, connection: HostConnection) -> str | None:
        """The last status of the migration by the events of a host."""
        events = connection.notices("event", guest=self._guest, event="MIGRATION")
        return events[-1]["data"].get("status") if events else None
