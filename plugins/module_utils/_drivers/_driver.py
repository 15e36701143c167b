# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers of all levels share: both hosts are watched, the end is waited for, what was seen is brought in."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Dict, Iterator

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._fault import DESTINATION_KILLED, LINK_CUT, Fault
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

# What is left after the first pass may well fit into an ordinary downtime limit: QEMU would end the migration as
# pre-copy in the moment in which it is to switch.
UNREACHABLE_MS = 1
_NOTICES = ("event", "job", "finished", "network", "threads", "switch_due", "nova_job")
_LOOK_SECONDS = 0.25

Migration = Dict[str, Any]


class Driver:
    """Moves one guest from *source* to *destination*; each level has a subclass, which begins the migration."""

    # How much longer than its time limit a run may take: an abort takes a moment, and a post-copy cannot be taken back.
    grace_seconds = 60.0

    def __init__(self, guest: str, source: HostConnection, destination: HostConnection) -> None:
        self._guest = guest
        self._source = source
        self._destination = destination

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Forget earlier runs and sample both hosts within the context."""
        connections = (self._source, self._destination)
        try:
            for connection in connections:
                connection.forget(*_NOTICES, guest=self._guest)
                connection.call("start_sampling", interface=connection.host.migration_interface, guest=self._guest)
            yield
        finally:
            for connection in connections:
                # A host that is gone samples no more; what it has sent is kept.
                with contextlib.suppress(InstrumentError):
                    connection.call("stop_sampling", guest=self._guest)

    def migrate(self, scenario: Scenario, persistent: bool, interrupted: Callable[[], bool]) -> Migration:
        """Move the guest; returns when it began and ended and how (``migration`` of the observation).

        Raises InstrumentError only if the migration could not be begun.  A host that is lost meanwhile, or a migration
        that does not end, is told as its error.
        """
        raise NotImplementedError

    def arm(self, fault: Fault | None) -> None:
        """Have a fault strike the migration that is about to begin, on the host that it belongs to."""
        if fault is None:
            return
        struck = self._destination if fault.kind == DESTINATION_KILLED else self._source
        request = {
            "kind": "link-cut" if fault.kind == LINK_CUT else "kill",
            "at": fault.at,
            "seconds": fault.seconds,
            "interface": struck.host.migration_interface,
        }
        struck.call("arm_fault", guest=self._guest, request=request)

    def disarm(self) -> None:
        """Take back a fault that has not struck, and heal what one has done."""
        for connection in (self._source, self._destination):
            # A host that is gone heals by itself, as the connection ends.
            with contextlib.suppress(InstrumentError):
                connection.call("disarm_fault", guest=self._guest)

    def tidy(self, location: str) -> None:
        """End what a run has left of the guest on a host that is not its *location*; nothing where libvirt does so."""

    def _attend(self, scenario: Scenario) -> None:
        """Do what the migration needs while it runs, if anything."""

    def _advice(self) -> str:
        """What to do with a migration that does not end, as the end of a sentence."""
        return ""

    def _follow(self, start_ns: int, scenario: Scenario, interrupted: Callable[[], bool]) -> Migration:
        """Wait for the end of a migration that has begun; what keeps it from being known is its error."""
        try:
            return self._wait(scenario, interrupted)
        except InstrumentError as error:
            return {
                "start_ns": start_ns,
                "end_ns": time.monotonic_ns(),
                "switch_requested_ns": None,
                "abort_reason": None,
                "error": str(error),
            }

    def _wait(self, scenario: Scenario, interrupted: Callable[[], bool]) -> Migration:
        """Wait for the end; returns the source's account of it."""
        patience_seconds = scenario.time_limit_seconds * 2 + self.grace_seconds
        deadline = time.monotonic() + patience_seconds
        aborted = False
        while time.monotonic() < deadline:
            finished = self._source.wait_for("finished", _LOOK_SECONDS, guest=self._guest)
            if finished is not None:
                return {key: value for key, value in finished.items() if key not in ("at_ns", "guest")}
            if interrupted() and not aborted:
                self._source.call("abort_migration", guest=self._guest, reason="interrupted")
                aborted = True
            self._attend(scenario)
        raise InstrumentError(
            f"The migration of {self._guest} from {self._source.host.name} had not ended after {patience_seconds:g} s"
            f"{self._advice()}."
        )

    def harvest(self) -> dict[str, Any]:
        """Everything both hosts saw: the observation's ``events``, ``job_series``, ``completed`` and so on."""
        ends = {"source": self._source, "destination": self._destination}
        events = [
            {"host": end, **{key: event[key] for key in ("event", "at_ns", "data")}}
            for end, connection in ends.items()
            for event in connection.notices("event", guest=self._guest)
        ]
        return {
            "events": sorted(events, key=lambda event: event["at_ns"]),
            "job_series": [
                {"at_ns": job["at_ns"], **job["statistics"]} for job in self._source.notices("job", guest=self._guest)
            ],
            "completed": self._completed(),
            "network": {end: self._samples(connection, "network") for end, connection in ends.items()},
            "threads": {end: self._samples(connection, "threads") for end, connection in ends.items()},
        }

    def _samples(self, connection: HostConnection, kind: str) -> list[dict[str, Any]]:
        """What was sampled for this guest on a host, without its name."""
        notices = connection.notices(kind, guest=self._guest)
        return [{key: value for key, value in notice.items() if key != "guest"} for notice in notices]

    def _completed(self) -> dict[str, Any] | None:
        with contextlib.suppress(InstrumentError):
            statistics: dict[str, Any] | None = self._source.call("completed_statistics", guest=self._guest)
            return statistics
        return None

    def destination_statistics(self) -> dict[str, Any]:
        """What the destination's QEMU knows after the end; it alone counts post-copy's blocktime and latency."""
        answer: dict[str, Any] = self._destination.call("ask_qemu", guest=self._guest, command="query-migrate")
        return answer
