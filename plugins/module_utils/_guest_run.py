# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest's part of a run, step by step; guests that move at once take each step together."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any, Callable

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._driver import Driver
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import LibvirtDriver
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._nova import NovaDriver
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._qmp import QmpDriver
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import disk_seconds
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import ANSWER_SECONDS, GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario, Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite

WARM_UP_WINDOWS = 4

# A guest fills its memory when it is configured: slowly where it is emulated on a busy machine.
_CONFIGURE_SECONDS, _FILL_MIB_PER_SECOND = 30.0, 20.0


class GuestRun:
    """What is done with the guest of a *site* and what is seen of it; the steps are taken in the order they stand in.

    Up to the first byte a step raises InstrumentError; from :meth:`migrate` on there is a guest to account for, and
    what can no longer be had is missing from what was seen.
    """

    def __init__(self, site: GuestSite, scenario: Scenario, probe: NetworkProbe) -> None:
        self.site = site
        self.driver = _driver(site)
        self.migration: dict[str, Any] = {}
        self.refusal: InstrumentError | None = None
        self._scenario = scenario
        self._probe = probe
        self._watching = contextlib.ExitStack()
        self._told: dict[str, Any] = {"warm_up": None, "window": None, "verified": None}
        self._location = "none"
        self._home: HostConnection | None = None

    def configure(self) -> None:
        """Set the workload; the guest has then filled its memory."""
        if self.site.channel is not None and self._scenario.workload is not None:
            configure(self.site.channel, self.site.source, self._scenario.workload)

    def watch(self) -> None:
        """Begin to sample and to probe, until :meth:`unwatch`."""
        self._watching.enter_context(self._probe)
        self._watching.enter_context(self.driver.watching())

    def warm_up(self) -> None:
        """Let the workload run until it holds its rate."""
        if self.site.channel is not None:
            self._told["warm_up"] = warm_up(self.site.channel, self.site.source, self._scenario)
        else:
            time.sleep(self._scenario.warm_up_seconds)

    def begin_window(self) -> None:
        """Begin the run's own window."""
        if self.site.channel is not None:
            self.site.channel.ask(self.site.source, "mark")

    def migrate(self, turns: threading.Semaphore, interrupted: Callable[[], bool]) -> None:
        """Move the guest when there is one of the *turns* for it."""
        with turns:
            self._migrate(interrupted)

    def _migrate(self, interrupted: Callable[[], bool]) -> None:
        """Move the guest; that it could not be begun is kept as *refusal* and told as the migration's error."""
        started_ns = time.monotonic_ns()
        if interrupted():
            self.migration = _unbegun(started_ns, "Its turn had not come.", "interrupted")
            return
        try:
            self.driver.arm(self._scenario.fault)
            self.migration = self.driver.migrate(self._scenario, self.site.persistent, interrupted)
        except InstrumentError as error:
            self.refusal = error
            self.migration = _unbegun(started_ns, str(error))
        if self._scenario.fault is not None:
            self.driver.disarm()

    def look(self) -> None:
        """Find out where the guest runs, and what it saw, while the last echoes come in."""
        self._probe.stop_sending()
        self._location, self._home = _settle(self.site, self.migration)
        if self.site.channel is not None and self._home is not None:
            self._told["window"] = or_none(self.site.channel.ask, self._home, "report")

    def unwatch(self) -> None:
        """End sampling and probing; harmless if they have not begun."""
        self._watching.close()

    def verify(self) -> None:
        """Have the guest verify its memory and its disk, and then rest."""
        if self.site.channel is not None and self._home is not None:
            seconds = ANSWER_SECONDS + disk_seconds(self._scenario.guest)
            self._told["verified"] = or_none(self.site.channel.ask, self._home, "verify", seconds)
            # It runs on after the campaign, and should not burn a processor for nothing.
            or_none(self.site.channel.tell, self._home, "configure", pattern="idle")

    def seen(self) -> dict[str, Any]:
        """The guest's own part of the observation, brought in before what the run has left is ended."""
        came = self._location == "destination"
        found = {
            "migration": self.migration,
            **self.driver.harvest(),
            "destination_statistics": (or_none(self.driver.destination_statistics) or {}) if came else {},
            "echoes": self._probe.echoes,
            "guest": self._told,
            "guest_location": self._location,
        }
        self.driver.tidy(self._location)
        return found


def _unbegun(started_ns: int, error: str, abort_reason: str | None = None) -> dict[str, Any]:
    """The account of a migration that did not begin."""
    return {
        "start_ns": started_ns,
        "end_ns": time.monotonic_ns(),
        "switch_requested_ns": None,
        "abort_reason": abort_reason,
        "error": error,
    }


def _driver(site: GuestSite) -> Driver:
    """The driver of the level at which the guest was started."""
    if site.instance is not None:
        return NovaDriver(site.guest, site.source, site.destination, site.instance)
    if site.order is None:
        return LibvirtDriver(site.guest, site.source, site.destination)
    return QmpDriver(site.guest, site.source, site.destination, site.order)


def configure(channel: GuestChannel, host: HostConnection, workload: Workload) -> None:
    """Set the guest's workload; returns when the guest has filled its memory and runs it."""
    settings = workload.to_dict()
    settings["rate_mib_per_second"] = settings.pop("dirty_rate_mib_per_second", 0)
    patience_seconds = _CONFIGURE_SECONDS + workload.working_set_mib / _FILL_MIB_PER_SECOND
    channel.ask(host, "configure", patience_seconds, **settings)


def warm_up(channel: GuestChannel, host: HostConnection, scenario: Scenario) -> dict[str, Any]:
    """Let the workload run until it holds its rate, and return the guest's report.

    A machine that pauses spoils a window; after WARM_UP_WINDOWS of them the last one stands, and a validator tells.
    """
    report: dict[str, Any] = {}
    for _window in range(WARM_UP_WINDOWS):
        channel.ask(host, "mark")
        time.sleep(scenario.warm_up_seconds)
        report = channel.ask(host, "report")
        if scenario.workload is None or scenario.workload.is_held_by(report["achieved_mib_per_second"]):
            break
    return report


def or_none(ask: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    """The answer, or None from a host or guest that no longer speaks: a finding, not an end of the run."""
    try:
        return ask(*arguments, **values)
    except InstrumentError:
        return None


def _settle(site: GuestSite, migration: dict[str, Any]) -> tuple[str, HostConnection | None]:
    """Where the guest ended (``source``, ``destination``, ``both``, ``none``) and the connection to that host."""
    if migration["error"]:
        or_none(site.source.call, "resume_guest", guest=site.guest)
    ends = {"source": site.source, "destination": site.destination}
    homes = [end for end in ends.items() if _runs_on(end[1], site.guest)]
    if len(homes) != 1:
        return ("both" if homes else "none"), None
    return homes[0]


def _runs_on(connection: HostConnection, guest: str) -> bool:
    state = or_none(connection.call, "guest_state", guest=guest)
    return state is not None and state["state"] == "running"
