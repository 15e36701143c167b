# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known pauses, shown by all vantage points before they are believed."""

from __future__ import annotations

import time
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_run import configure
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import Echo, NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import (
    PROBE_PERIOD_MS,
    events_blackout,
    guest_jump,
    network_downtime,
)

PAUSES_MS = (0, 50, 500, 5000)
# Half of the rest between two pauses: enough echoes for the clocks, and for how restless the network is.
_QUIET_SECONDS = 0.5
_WORKLOAD = Workload(working_set_mib=16, dirty_rate_mib_per_second=16)


def calibrate(site: GuestSite, probe_address: str, pauses_ms: Sequence[float] = PAUSES_MS) -> list[dict[str, Any]]:
    """Stop the guest for each of *pauses_ms* and return what every vantage point made of it."""
    if site.channel is None:
        raise InstrumentError(f"{site.guest} is a site's own guest, but only the workload guest can calibrate.")
    configure(site.channel, site.source, _WORKLOAD)
    site.source.forget("event")
    truths_ms = []
    quiet_ns = []
    with NetworkProbe(probe_address) as probe:
        for pause_ms in pauses_ms:
            quiet_ns.append(_rest())
            truths_ms.append(_pause(site, pause_ms))
        quiet_ns.append(_rest())
    events = [
        {"host": "source", **{key: event[key] for key in ("event", "at_ns", "data")}}
        for event in site.source.notices("event")
        if event["guest"] == site.guest
    ]
    points = []
    for pause_ms, truth_ms, begin_ns, end_ns in zip(pauses_ms, truths_ms, quiet_ns, quiet_ns[1:]):
        # From the middle of the rest before it to the middle of the one after it, all that is seen is of this pause.
        own = [event for event in events if begin_ns <= event["at_ns"] < end_ns]
        echoes = [echo for echo in probe.echoes if echo[0] is not None and begin_ns <= echo[0] < end_ns]
        points.append(_judge(pause_ms, truth_ms, own, echoes, site.source.clock.bound_ns))
    return points


def _rest() -> int:
    """Leave the guest alone for a while; returns the observer's time in the middle of it."""
    time.sleep(_QUIET_SECONDS)
    middle_ns = time.monotonic_ns()
    time.sleep(_QUIET_SECONDS)
    return middle_ns


def _pause(site: GuestSite, pause_ms: float) -> list[float]:
    """Stop the guest for a known time; returns its bounds (ms)."""
    patience_seconds = pause_ms / 1000 + 30
    pause = site.source.call("pause_guest", patience_seconds, guest=site.guest, pause_ms=pause_ms)
    return [pause["least_ns"] / 1e6, pause["most_ns"] / 1e6]


def _judge(
    pause_ms: float, truth_ms: list[float], events: Sequence[dict[str, Any]], echoes: Sequence[Echo], bound_ns: int
) -> dict[str, Any]:
    """What every vantage point made of a pause, and whether the truth is within it."""
    seen = {
        "events": events_blackout(events, {"source": bound_ns}),
        "guest": guest_jump(echoes, *_bounds(events)),
        "network": network_downtime(echoes, *_bounds(events), period_ms=PROBE_PERIOD_MS),
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
