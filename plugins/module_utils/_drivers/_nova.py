# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Nova driver: live migrations as a cloud's operator asks for them, watched from libvirt on both hosts."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._driver import (
    UNREACHABLE_MS,
    Driver,
    Migration,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._nova_times import NovaTimes
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._instance import Instance, nova_host
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

# How often Nova is asked: each answer costs its control plane some ten milliseconds of a processor.
_LOOK_SECONDS = 0.5
# How long Nova may take to notice that QEMU has ended a migration, and to ask libvirt for one before its services are
# looked at: as long as it takes itself to call a service down.
_NOTICE_SECONDS = 60.0
_ENDED_IN_QEMU = ("completed", "failed", "cancelled")
_ENDED_IN_NOVA = ("completed", "failed", "error", "cancelled")


class NovaDriver(Driver):
    """Has Nova move one *instance*, which libvirt knows as *guest*."""

    # Nova takes its time before it asks libvirt, and after.
    grace_seconds = 240.0

    def __init__(self, guest: str, source: HostConnection, destination: HostConnection, instance: Instance) -> None:
        super().__init__(guest, source, destination)
        self._cloud, self._server_id = instance.cloud, instance.server_id
        self._ends = {"source": source, "destination": destination}
        self._times = NovaTimes()
        self._next_look = 0.0
        self._former_id: int | None = None
        self._running_id: int | None = None
        self._is_switched = False

    def migrate(self, scenario: Scenario, persistent: bool, interrupted: Callable[[], bool]) -> Migration:
        """Ask Nova for the migration and follow it until Nova itself says that it has ended."""
        former = self._cloud.last_migration(self._server_id)
        self._former_id = former["id"] if former else None
        self._source.call("watch_migration", guest=self._guest, request=migration_request(scenario))
        logged_bytes = {end: connection.call("nova_log_bytes") for end, connection in self._ends.items()}
        start_ns = self._times.note("requested")
        try:
            self._cloud.live_migrate(self._server_id, nova_host(self._destination.host))
            self._times.note("accepted")
        except CloudError as error:
            self._conclude(str(error))
        account = self._follow(start_ns, scenario, interrupted)
        if account["error"]:
            # One that has not ended must not begin after all.
            self._give_up()
        self._times.add_libvirt(self._source.notices("nova_job", guest=self._guest))
        with contextlib.suppress(CloudError):
            self._times.steps = self._cloud.last_action(self._server_id)
        for end, connection in self._ends.items():
            with contextlib.suppress(InstrumentError):
                lines = connection.call("nova_log", instance=self._server_id, since_bytes=logged_bytes[end])
                self._times.log += [{"host": end, **line} for line in lines]
        return {**account, "start_ns": start_ns, "nova": self._times.to_dict()}

    def _attend(self, scenario: Scenario) -> None:
        """Hand on the order to switch, and look now and then whether Nova has ended the migration."""
        try:
            self._switch_if_due()
            if time.monotonic() < self._next_look:
                return
            self._next_look = time.monotonic() + _LOOK_SECONDS
            self._look()
        except CloudError as error:
            self._times.problem = str(error)
        self._end_unbegun()
        self._end_unnoticed()

    def _look(self) -> None:
        migration = self._cloud.last_migration(self._server_id)
        if migration is None or migration["id"] == self._former_id:
            return
        self._times.see(migration)
        self._running_id = migration["id"] if migration["status"] == "running" else None
        if migration["status"] in _ENDED_IN_NOVA:
            self._end(migration)

    def _advice(self) -> str:
        return f": look at it with openstack server migration list --server {self._server_id}"

    def _switch_if_due(self) -> None:
        """Ask Nova to complete by force, which it refuses for what it does not call running."""
        due = self._source.notices("switch_due", guest=self._guest)
        if not due or self._is_switched or self._running_id is None:
            return
        self._times.note("switch_due", due[0]["at_ns"])
        self._times.note("switch_requested")
        running, self._running_id = self._running_id, None
        try:
            self._cloud.force_complete(self._server_id, running)
        except CloudError as error:
            # Asked again if Nova still calls it running when it is looked at next.
            self._times.problem = str(error)
            return
        self._times.note("switch_accepted")
        self._is_switched = True
        self._source.call("confirm_switch", guest=self._guest)

    def _end(self, migration: Mapping[str, Any]) -> None:
        """Conclude, once the server is at rest as well: it is so some seconds before or after its migration."""
        server = self._cloud.server(self._server_id)
        if server is None:
            self._conclude("Nova has no server of this id any more")
        elif migration["status"] != "completed":
            if server["OS-EXT-STS:task_state"] is None:
                words = (server.get("fault") or {}).get("message") or "its reason is in the log of nova-compute"
                self._conclude(f"Nova calls the migration {migration['status']}: {words}")
        elif server["status"] == "ACTIVE" and server["OS-EXT-STS:task_state"] is None:
            self._conclude(None)

    def _end_unnoticed(self) -> None:
        """Conclude a migration that has long ended in QEMU without Nova's having noticed."""
        ends = [
            event["at_ns"]
            for event in self._source.notices("event", guest=self._guest)
            if event["event"] == "MIGRATION" and event["data"].get("status") in _ENDED_IN_QEMU
        ]
        if not ends or time.monotonic_ns() - ends[-1] < _NOTICE_SECONDS * 1e9:
            return
        self._conclude(
            f"{_NOTICE_SECONDS:g} s after the migration ended in QEMU, Nova still calls it {self._times.last_status};"
            f" {_in_words(self._services())}"
        )

    def _end_unbegun(self) -> None:
        """Conclude a migration that libvirt was never asked for because a service is gone that takes part in it."""
        waited_seconds = (time.monotonic_ns() - self._times.note("requested")) / 1e9
        if waited_seconds < _NOTICE_SECONDS or self._source.notices("nova_job", guest=self._guest):
            return
        services = self._services()
        if "down" in services.values():
            self._conclude(f"Nova has not asked libvirt for the migration; {_in_words(services)}")

    def _services(self) -> dict[str, str]:
        """What Nova says of the nova-compute of either host, by the host's name."""
        states = {}
        for connection in self._ends.values():
            states[connection.host.name] = "unknown"
            with contextlib.suppress(CloudError):
                states[connection.host.name] = self._cloud.service_state(nova_host(connection.host))
        return states

    def _conclude(self, error: str | None) -> None:
        self._times.note("ended")
        self._source.call("conclude_migration", guest=self._guest, error=error)

    def _give_up(self) -> None:
        with contextlib.suppress(InstrumentError):
            migration = self._cloud.last_migration(self._server_id)
            if migration and migration["id"] != self._former_id and migration["status"] not in _ENDED_IN_NOVA:
                self._cloud.abort(self._server_id, migration["id"])
        with contextlib.suppress(InstrumentError):
            self._source.call("conclude_migration", guest=self._guest, error="The driver has given the migration up")


def _in_words(services: Mapping[str, str]) -> str:
    return " and ".join(f"nova-compute on {name} is {state}" for name, state in services.items())


def migration_request(scenario: Scenario) -> dict[str, Any]:
    """What the source's agent is asked to watch for; plain data, also shown as the plan in check mode."""
    choice, strategy = scenario.strategy, scenario.strategy.row
    # Nova takes a second or two to switch, in which a guest that dirties less than the link carries converges.
    converges = (scenario.dirty_rate_of_link or 0.0) < 1.0
    return {
        "switch_by": "libvirt" if converges else "nova",
        "switch": choice.switch.kind,
        "switch_number": choice.switch.number,
        "recovers": False,
        "time_limit_seconds": scenario.time_limit_seconds,
        # Nova sets a limit of its own, and again while the migration runs; a hybrid must not end by it.
        "downtime_limit_ms": UNREACHABLE_MS if strategy.uses_postcopy else None,
        "holds_downtime_limit": True,
    }
