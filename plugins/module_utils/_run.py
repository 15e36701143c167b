# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured migration, of one guest or of several at once, from warm-up to clean-up."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._background import BackgroundLoad
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import ClockOffset, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._each import Each
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_run import GuestRun, or_none
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._stages import Stages
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite, Testbed

# How long both ends are watched after the guests run on the destination: the brownout and the last late probes.
COOL_DOWN_SECONDS = 1.0

Observation = Dict[str, Any]


def measure(
    testbed: Testbed,
    sites: Sequence[GuestSite],
    scenario: Scenario,
    interrupted: Callable[[], bool] = lambda: False,
) -> list[Observation]:
    """Migrate the guests of *sites* at once and return what all vantage points saw of each.

    All are on one host.  Once all have warmed up they begin at the same moment, or as many of them as the scenario lets
    move at a time and the others as these end; all are looked at when the last has ended.  When *interrupted* says so,
    migrations that have not switched are aborted.  Raises InstrumentError or KeyboardInterrupt only before the first
    migration begins: from then on there are guests to account for, and what can no longer be had is missing from the
    observation.
    """
    started_at = utc_now()
    ends = {"source": sites[0].source, "destination": sites[0].destination}
    runs = [GuestRun(site, scenario, _Probe(site)) for site in sites]
    stages = Stages()
    with Each(len(runs), interrupted) as each:
        with stages.stage("prepare"):
            clocks = {end: connection.measure_clock() for end, connection in ends.items()}
            each(GuestRun.configure, runs)
        with contextlib.ExitStack() as watching:
            watching.callback(each, GuestRun.unwatch, runs)
            with stages.stage("warm_up"):
                load = watching.enter_context(BackgroundLoad(ends["source"], ends["destination"], scenario.background))
                each(GuestRun.watch, runs)
                each(GuestRun.warm_up, runs)
                if interrupted():
                    raise KeyboardInterrupt
                each(GuestRun.begin_window, runs)
            with stages.stage("migration"):
                turns = threading.Semaphore(scenario.streams)
                each(functools.partial(GuestRun.migrate, turns=turns, interrupted=each.interrupted), runs)
            with stages.stage("cool_down"):
                time.sleep(COOL_DOWN_SECONDS)
                each(GuestRun.look, runs)
                watching.close()
        _raise_if_none_began(runs)
        with stages.stage("verify"):
            each(GuestRun.verify, runs)
    common = {
        "scenario": scenario.to_dict(),
        "started_at": started_at,
        "hosts": {end: testbed.facts[connection.host.name] for end, connection in ends.items()},
        "clocks": {end: _clock(connection, clocks[end]) for end, connection in ends.items()},
        "stages": stages.seconds,
        "background": load.seen,
    }
    return _with_group([(run.site.guest, {**common, **run.seen()}) for run in runs])


def utc_now() -> str:
    """The time of day as records tell it, such as 2026-11-22T12:00:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _raise_if_none_began(runs: Sequence[GuestRun]) -> None:
    """Raise the first refusal if there is nothing but refusals: then there is no run to tell of."""
    refusals = [run.refusal for run in runs if run.refusal is not None]
    if len(refusals) == len(runs):
        raise refusals[0]


def _with_group(seen: Sequence[tuple[str, Observation]]) -> list[Observation]:
    """Add to each guest's observation its name and what only all of them together show."""
    observations = [observation for _guest, observation in seen]
    group = {
        "start_ns": min(observation["migration"]["start_ns"] for observation in observations),
        "end_ns": max(observation["migration"]["end_ns"] for observation in observations),
        "transferred_bytes": _total(observations, "memory_processed_bytes"),
        "disk_bytes": _total(observations, "disk_processed_bytes"),
    }
    return [{**observation, "group": {"guest": guest, **group}} for guest, observation in seen]


def _total(observations: Sequence[Observation], statistic: str) -> int | None:
    """The sum of the guests' last figures; None unless all came: what one had sent till it failed is not known."""
    total = 0
    for observation in observations:
        rows = [*observation["job_series"], observation["completed"] or {}]
        figures = [row[statistic] for row in rows if statistic in row]
        if observation["guest_location"] != "destination" or not figures:
            return None
        total += max(figures)
    return total


class _Probe(NetworkProbe):
    """A network probe of a guest, or none where there is no address to probe."""

    def __init__(self, site: GuestSite) -> None:
        super().__init__(site.probe_address or "", "udp" if site.channel is not None else "icmp")
        self._idle = site.probe_address is None

    def __enter__(self) -> _Probe:
        if not self._idle:
            super().__enter__()
        return self

    def stop_sending(self) -> None:
        if not self._idle:
            super().stop_sending()

    def __exit__(self, *exception: Any) -> None:
        if not self._idle:
            super().__exit__(*exception)


def _clock(connection: HostConnection, before: ClockOffset) -> dict[str, int]:
    """A host's clock as the observation holds it; its drift is told if the host still answers."""
    after = or_none(connection.measure_clock) or before
    return {
        "offset_ns": before.offset_ns,
        "bound_ns": before.bound_ns,
        "drift_ns": after.offset_ns - before.offset_ns,
    }
