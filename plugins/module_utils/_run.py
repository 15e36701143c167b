# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured migration, from warm-up to clean-up."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import ClockOffset, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import LibvirtDriver
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario, Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite, Testbed

# How long both ends are watched after the guest runs on the destination: the brownout and the last late probes.
COOL_DOWN_SECONDS = 1.0
WARM_UP_WINDOWS = 4

Observation = Dict[str, Any]


def measure(
    testbed: Testbed,
    site: GuestSite,
    scenario: Scenario,
    probe_address: str | None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Observation:
    """Migrate the guest once and return what all vantage points saw.

    *probe_address* is the guest's address on the tenant network, None where the observer has no way to it.  When
    *interrupted* says so, a migration that has not switched is aborted.  Raises InstrumentError or KeyboardInterrupt
    only before the migration begins: from then on there is a guest to account for, and what can no longer be had is
    missing from the observation.
    """
    started_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    driver = LibvirtDriver(site.guest, site.source, site.destination)
    clocks = {end: connection.measure_clock() for end, connection in _ends(site).items()}
    guest: dict[str, Any] = {"warm_up": None, "window": None, "verified": None}
    if site.channel is not None and scenario.workload is not None:
        configure(site.channel, site.source, scenario.workload)
    with _Probe(probe_address) as probe, driver.watching():
        if site.channel is not None:
            guest["warm_up"] = warm_up(site.channel, site.source, scenario)
        else:
            time.sleep(scenario.warm_up_seconds)
        if interrupted():
            raise KeyboardInterrupt
        migration = driver.migrate(scenario, site.persistent, interrupted)
        time.sleep(COOL_DOWN_SECONDS)
        location, home = _settle(site, migration)
        if site.channel is not None and home is not None:
            guest["window"] = _or_none(site.channel.ask, home, "report")
    if site.channel is not None and home is not None:
        guest["verified"] = _or_none(site.channel.ask, home, "verify")
        # It runs on after the campaign, and should not burn a processor for nothing.
        _or_none(site.channel.ask, home, "configure", pattern="idle")
    return {
        "scenario": scenario.to_dict(),
        "started_at": started_at,
        "hosts": {end: testbed.facts[connection.host.name] for end, connection in _ends(site).items()},
        "clocks": {end: _clock(connection, clocks[end]) for end, connection in _ends(site).items()},
        "migration": migration,
        **driver.harvest(),
        "destination_statistics": (_or_none(driver.destination_statistics) or {}) if location == "destination" else {},
        "echoes": probe.echoes,
        "guest": guest,
        "guest_location": location,
    }


def configure(channel: GuestChannel, host: HostConnection, workload: Workload) -> None:
    """Set the guest's workload; returns when the guest has filled its memory and runs it."""
    settings = workload.to_dict()
    settings["rate_mib_per_second"] = settings.pop("dirty_rate_mib_per_second", 0)
    channel.ask(host, "configure", **settings)


def warm_up(channel: GuestChannel, host: HostConnection, scenario: Scenario) -> dict[str, Any]:
    """Let the workload run until it holds its rate, return the guest's report and begin the run's own window.

    A machine that pauses spoils a window; after WARM_UP_WINDOWS of them the last one stands, and a validator tells.
    """
    report: dict[str, Any] = {}
    for _window in range(WARM_UP_WINDOWS):
        channel.ask(host, "mark")
        time.sleep(scenario.warm_up_seconds)
        report = channel.ask(host, "report")
        if scenario.workload is None or scenario.workload.is_held_by(report["achieved_mib_per_second"]):
            break
    channel.ask(host, "mark")
    return report


class _Probe(NetworkProbe):
    """A network probe, or none where there is no address to probe."""

    def __init__(self, address: str | None) -> None:
        super().__init__(address or "")
        self._idle = address is None

    def __enter__(self) -> _Probe:
        if not self._idle:
            super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        if not self._idle:
            super().__exit__(*exception)


def _ends(site: GuestSite) -> dict[str, HostConnection]:
    return {"source": site.source, "destination": site.destination}


def _clock(connection: HostConnection, before: ClockOffset) -> dict[str, int]:
    """A host's clock as the observation holds it; its drift is told if the host still answers."""
    after = _or_none(connection.measure_clock) or before
    return {
        "offset_ns": before.offset_ns,
        "bound_ns": before.bound_ns,
        "drift_ns": after.offset_ns - before.offset_ns,
    }


def _settle(site: GuestSite, migration: dict[str, Any]) -> tuple[str, HostConnection | None]:
    """Where the guest ended (``source``, ``destination``, ``both``, ``none``) and the connection to that host."""
    if migration["error"]:
        _or_none(site.source.call, "resume_guest", guest=site.guest)
    homes = [end for end in _ends(site).items() if _runs_on(end[1], site.guest)]
    if len(homes) != 1:
        return ("both" if homes else "none"), None
    return homes[0]


def _runs_on(connection: HostConnection, guest: str) -> bool:
    state = _or_none(connection.call, "guest_state", guest=guest)
    return state is not None and state["state"] == "running"


def _or_none(ask: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    """The answer, or None from a host or guest that no longer speaks: a finding, not an end of the run."""
    try:
        return ask(*arguments, **values)
    except InstrumentError:
        return None
