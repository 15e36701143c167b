# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured migration, from warm-up to clean-up."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
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


def measure(testbed: Testbed, site: GuestSite, scenario: Scenario, probe_address: str | None) -> Observation:
    """Migrate the guest once and return what all vantage points saw.

    *probe_address* is the guest's address on the tenant network, None where the observer has no way to it.  An
    interruption (KeyboardInterrupt) before the switch aborts the migration and is told in the observation; the guest is
    looked after in every case.  Raises InstrumentError if the run could not be begun.
    """
    started_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    driver = LibvirtDriver(site.guest, site.source, site.destination)
    clocks_before = {end: connection.measure_clock() for end, connection in _ends(site).items()}
    guest: dict[str, Any] = {"warm_up": None, "window": None, "verified": None}
    if site.channel is not None and scenario.workload is not None:
        configure(site.channel, site.source, scenario.workload)
    with _Probe(probe_address) as probe:
        driver.begin_watching()
        try:
            if site.channel is not None:
                guest["warm_up"] = warm_up(site.channel, site.source, scenario)
            else:
                time.sleep(scenario.warm_up_seconds)
            migration = _migrate(driver, scenario, site)
            time.sleep(COOL_DOWN_SECONDS)
        finally:
            driver.end_watching()
        location, home = _settle(testbed, site, migration)
        if site.channel is not None and home is not None:
            guest["window"] = _ask(site.channel, home, "report")
    harvest = driver.harvest()
    if site.channel is not None and home is not None:
        guest["verified"] = _ask(site.channel, home, "verify")
    return {
        "scenario": scenario.to_dict(),
        "started_at": started_at,
        "hosts": {end: testbed.facts[connection.host.name] for end, connection in _ends(site).items()},
        "clocks": {
            end: {
                "offset_ns": before.offset_ns,
                "bound_ns": before.bound_ns,
                "drift_ns": connection.measure_clock().offset_ns - before.offset_ns,
            }
            for (end, connection), before in zip(_ends(site).items(), clocks_before.values())
        },
        "migration": migration,
        **harvest,
        "destination_statistics": driver.destination_statistics() if location == "destination" else {},
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


def _migrate(driver: LibvirtDriver, scenario: Scenario, site: GuestSite) -> dict[str, Any]:
    driver.start(scenario, site.persistent)
    try:
        return driver.wait(scenario)
    except KeyboardInterrupt:
        driver.abort("interrupted")
        return driver.wait(scenario)


def _settle(testbed: Testbed, site: GuestSite, migration: dict[str, Any]) -> tuple[str, HostConnection | None]:
    """Where the guest ended (``source``, ``destination``, ``both``, ``none``) and the connection to that host.

    A migration that ended with an error may leave the guest paused on the source: it is let run on there.
    """
    if migration["error"]:
        site.source.call("resume_guest", guest=site.guest)
    running = [name for name, state in testbed.locate(site.guest).items() if state["state"] == "running"]
    homes = {end: connection for end, connection in _ends(site).items() if connection.host.name in running}
    if len(homes) != 1:
        return ("both" if homes else "none"), None
    return next(iter(homes.items()))


def _ask(channel: GuestChannel, host: HostConnection, command: str) -> dict[str, Any] | None:
    """The guest's answer, or None from a guest that no longer speaks: a finding, not an end of the run."""
    try:
        return channel.ask(host, command)
    except InstrumentError:
        return None
