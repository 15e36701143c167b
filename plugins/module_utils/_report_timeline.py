# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over time, small enough to keep thousands in a page: what the link carried, what the guest got done, when.

A series is {"t": start in ms, "step": ms, "v": [mean over each step]}, in ms since libvirt was asked for the migration.
"""

from __future__ import annotations

import bisect
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    Observation,
    edges,
    status_times_ns,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import guest_time_ns

MOST_POINTS = 200
MOST_PASSES = 100
# The counters of the interface are read every 50 ms; a finer grid would only show the sampling.
LINK_STEP_MS = 50
# What is shown before libvirt was asked for the migration.
BEFORE_MS = 1000

NS_PER_MS = 1_000_000


def timeline(observation: Observation, brownout_ms: float | None = None) -> dict[str, Any]:
    """Return the series and marks of one run, whose brownout is known; what was not observed is empty.

    Keys: "link" (Mbit/s sent by the source), "guest" (MiB/s, one series on either side of the blackout), "phases"
    (name, begin and end in ms), "passes" (when each pass over the memory began, in ms), "marks" (pairs of a name and a
    time in ms, in order of time), "blackout" (two times in ms, or null), "end" (ms).
    """
    start_ns = observation["migration"]["start_ns"]
    found = edges(observation)
    return {
        "link": link_series(observation["network"]["source"], start_ns),
        "guest": guest_series(observation),
        "phases": phases(observation, brownout_ms),
        "passes": passes(observation),
        "marks": marks(observation),
        "blackout": None if found is None else [_ms(found.stop_ns - start_ns), _ms(found.resume_ns - start_ns)],
        "end": _ms(observation["migration"]["end_ns"] - start_ns),
    }


def phases(observation: Observation, brownout_ms: float | None = None) -> list[tuple[str, float, float]]:
    """Return what the migration did when: name, begin, end in ms since it was asked for.

    Only a brownout runs beside others: it begins with the guest's new life, whatever the stream still does.
    """
    migration, seen, found = observation["migration"], status_times_ns(observation), edges(observation)
    end_ns = seen.get("completed", migration["end_ns"])
    stop_ns, resume_ns = (end_ns, end_ns) if found is None else (found.stop_ns, found.resume_ns)
    active_ns = min(seen.get("active", end_ns), stop_ns)
    limits = [("preparation", migration["start_ns"], active_ns), ("pre-copy", active_ns, stop_ns)]
    if found is not None:
        limits.append(("blackout", stop_ns, resume_ns))
        if brownout_ms:
            limits.append(("brownout", resume_ns, resume_ns + brownout_ms * NS_PER_MS))
    if "postcopy-active" in seen:
        limits.append(("post-copy", resume_ns, end_ns))
    since = migration["start_ns"]
    return [(name, _ms(begin - since), _ms(until - since)) for name, begin, until in limits if until > begin]


def passes(observation: Observation) -> list[float]:
    """Return when each pass over the guest's memory began, as far as they are few enough to be told apart."""
    begun = [
        event["at_ns"] - observation["migration"]["start_ns"]
        for event in observation["events"]
        if event["event"] == "MIGRATION_PASS" and event["host"] == "source"
    ]
    return [_ms(at_ns) for at_ns in sorted(begun)[:MOST_PASSES]]


def marks(observation: Observation) -> list[tuple[str, float]]:
    """Return the phases' limits that were seen, with their time in ms since the migration was asked for."""
    migration, seen, found = observation["migration"], status_times_ns(observation), edges(observation)
    moments = {
        "first byte sent": seen.get("active"),
        "switch requested": migration["switch_requested_ns"],
        "guest stops": None if found is None else found.stop_ns,
        "guest resumes": None if found is None else found.resume_ns,
        "stream ends": seen.get("completed"),
        "given up": migration["end_ns"] if migration["abort_reason"] else None,
    }
    told = [(name, _ms(at_ns - migration["start_ns"])) for name, at_ns in moments.items() if at_ns is not None]
    return sorted(told, key=lambda mark: mark[1])


def link_series(samples: Sequence[Mapping[str, Any]], start_ns: int) -> dict[str, Any] | None:
    """Return what the interface sent in Mbit/s, from its counter at the limits of even steps; None without samples."""
    times = [row["at_ns"] for row in samples]
    first_ns = max(times[0], start_ns - BEFORE_MS * NS_PER_MS) if times else 0
    if len(times) < 2 or times[-1] <= first_ns:
        return None
    step_ns = max(LINK_STEP_MS * NS_PER_MS, -(-(times[-1] - first_ns) // MOST_POINTS))
    limits = range(first_ns, times[-1] + 1, step_ns)
    sent = [_counter(samples, times, at_ns) for at_ns in limits]
    rates = [(later - earlier) * 8e3 / step_ns for earlier, later in zip(sent, sent[1:])]
    return {"t": _ms(first_ns - start_ns), "step": _ms(step_ns), "v": [round(rate) for rate in rates]}


def guest_series(observation: Observation, most_points: int = MOST_POINTS) -> list[dict[str, Any]]:
    """Return what the guest got done in MiB/s, before and after the blackout, in which its own clock stands still.

    A guest that did not stop has one series. Both sides have steps of the same length, whole bins of the guest's.
    """
    window, start_ns = observation["guest"]["window"], observation["migration"]["start_ns"]
    found = edges(observation)
    stop_ns = start_ns if found is None else found.stop_ns
    guest_ns = guest_time_ns(observation["echoes"], stop_ns) if window else None
    if guest_ns is None:
        return []
    series, first_ns = window["series_mib"], window["series_start_ns"]
    grain_ns = window["grain_ms"] * NS_PER_MS
    shift_ns = stop_ns - guest_ns
    begin = min(len(series), max(0, (start_ns - BEFORE_MS * NS_PER_MS - shift_ns - first_ns) // grain_ns))
    # The last bin was still being filled; the one in which the guest stopped lies on both sides.
    parts = [(begin, len(series) - 1, shift_ns)]
    if found is not None:
        stop_bin = min(len(series), max(begin, (guest_ns - first_ns) // grain_ns))
        parts = [(begin, stop_bin, shift_ns), (stop_bin + 1, len(series) - 1, found.resume_ns - guest_ns)]
    width = max(1, -(-(len(series) - begin) // most_points))
    told = []
    for left, right, offset_ns in parts:
        rates = [
            round(sum(series[at : at + width]) * 1e9 / (width * grain_ns), 1)
            for at in range(left, right - width + 1, width)
        ]
        if rates:
            at_ms = _ms(first_ns + left * grain_ns + offset_ns - start_ns)
            told.append({"t": at_ms, "step": width * window["grain_ms"], "v": rates})
    return told


def _counter(samples: Sequence[Mapping[str, Any]], times: Sequence[int], at_ns: int) -> float:
    """Return the bytes sent up to a time within the samples, interpolated between the two around it."""
    after = min(len(times) - 1, max(1, bisect.bisect_left(times, at_ns)))
    before = after - 1
    share = (at_ns - times[before]) / max(1, times[after] - times[before])
    return float(samples[before]["tx_bytes"] + share * (samples[after]["tx_bytes"] - samples[before]["tx_bytes"]))


def _ms(nanoseconds: float) -> float:
    """Return nanoseconds as milliseconds, to a tenth."""
    return round(nanoseconds / NS_PER_MS, 1)
