# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the instruments of 2014 would have told of a run: lost pings, and the time stamps of nova-compute's log.

ICCLab took a migration's time from the log and its downtime from the number of lost pings times their interval, 200 ms
at first and 100 ms later.  Both are had from what was really seen of this run, beside the figures of today.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Observation, edges, succeeded
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import PROBE_PERIOD_MS, Echo

INTERVALS_MS = (100, 200)
# Of nova-compute at the source, since Essex.  There is no line for the beginning: the first of all has to do.
_FINISHED = "finished successfully"


class Pinged(NamedTuple):
    """The least and the most that ping could have told, in milliseconds: it depends on when ping began."""

    low_ms: float
    high_ms: float


def old_measures(observation: Observation) -> dict[str, float | None]:
    """Return the figures of the summary; what ping would have told is null for a guest that did not move."""
    found = {"log_time_ms": _log_time_ms((observation["migration"].get("nova") or {}).get("log") or ())}
    blackout = edges(observation) if succeeded(observation) else None
    start_ns = observation["migration"]["start_ns"]
    for interval_ms in INTERVALS_MS:
        told = pinged(observation["echoes"], interval_ms, start_ns, blackout.resume_ns) if blackout else None
        found[f"downtime_ping_{interval_ms}_low_ms"] = told.low_ms if told else None
        found[f"downtime_ping_{interval_ms}_high_ms"] = told.high_ms if told else None
    return found


def pinged(echoes: Sequence[Echo], interval_ms: float, start_ns: int, resume_ns: int) -> Pinged | None:
    """Return what a ping of an interval would have told from *start_ns* on; None without an answer after *resume_ns*.

    Of the probes that were sent every :data:`PROBE_PERIOD_MS`, each series of one in so many is a ping that began at
    another moment.  Probes after the last that was answered may still have been under way, and count for none.
    """
    answered_ns = max((sent for sent, received, *_rest in echoes if sent and received), default=0)
    if answered_ns < resume_ns:
        return None
    lost = [received is None for sent, received, *_rest in echoes if sent and start_ns <= sent <= answered_ns]
    stride = round(interval_ms / PROBE_PERIOD_MS)
    counts = [sum(lost[first::stride]) for first in range(stride)]
    return Pinged(min(counts) * interval_ms, max(counts) * interval_ms)


def _log_time_ms(log: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the time from the first line to the one that calls the migration finished; None without that."""
    finished = [line["time_of_day_ms"] for line in log if _FINISHED in line["message"]]
    return float(finished[-1] - min(line["time_of_day_ms"] for line in log)) if finished else None
