# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known pauses, shown by all vantage points before they are believed."""

from __future__ import annotations

import time
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._run import configure
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import (
    PROBE_PERIOD_MS,
    events_blackout,
    guest_jump,
    network_downtime,
)

PAUSES_MS = (0, 50, 500, 5000)
_QUIET_SECONDS = 1.5
_WORKLOAD = Workload(working_set_mib=16, dirty_rate_mib_per_second=16)


def calibrate(site: GuestSite, probe_address: str, pauses_ms: Sequence[float] = PAUSES_MS) -> list[dict[str, Any]]:
    """Stop the guest for each of *pauses_ms* and return what every vantage point made of it."""
    if site.channel is None:
        raise InstrumentError(f"{site.guest} is a site's own guest, but only the workload guest can calibrate.")
    configure(site.channel, site.source, _WORKLOAD)
    return [_calibrate_one(site, probe_address, pause_ms) for pause_ms in pauses_ms]


def _calibrate_one(site: GuestSite, probe_address: str, pause_ms: float) -> dict[str, Any]:
    site.source.forget("event")
    with NetworkProbe(probe_address) as probe:
        time.sleep(_QUIET_SECONDS)
        pause = site.source.call(
            "pause_guest", guest=site.guest, pause_ms=pause_ms, timeout_seconds=pause_ms / 1000 + 30
        )
        time.sleep(_QUIET_SECONDS)
    events = [
        {"host": "source", **{key: event[key] for key in ("event", "at_ns", "data")}}
        for event in site.source.notices("event")
        if event["guest"] == site.guest
    ]
    truth_ms = [pause["least_ns"] / 1e6, pause["most_ns"] / 1e6]
    seen = {
        "events": events_blackout(events, {"source": site.source.clock.bound_ns}),
        "guest": guest_jump(probe.echoes, *_bounds(events)),
        "network": network_downtime(probe.echoes, *_bounds(events), period_ms=PROBE_PERIOD_MS),
    }
    return {
        "pause_ms": pause_ms,
        "truth_ms": truth_ms,
        **{point: None if downtime is None else downtime.to_dict() for point, downtime in seen.items()},
        "within": {point: downtime is not None and downtime.agrees_with(*truth_ms) for point, downtime in seen.items()},
    }


def _bounds(events: Sequence[dict[str, Any]]) -> tuple[int | None, int | None]:
    times = {event["event"]: event["at_ns"] for event in events}
    return times.get("STOP"), times.get("RESUME")
