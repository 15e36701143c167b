# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads of an observation that the summary, the outcome and the validators share.

An observation is what the measuring floor hands over: a dictionary in JSON types whose times are nanoseconds of the
observer's monotonic clock.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import Downtime, Edges, blackout_edges

Observation = Mapping[str, Any]

ENDS = ("source", "destination")


@dataclass(frozen=True)
class Finding:
    """What a validator found: passed is None where it does not apply to the run."""

    name: str
    passed: bool | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a record keeps it."""
        return asdict(self)


# The parts of a record that, with its raw series, are the observation that it was made from.
_BESIDE_RAW = ("scenario", "started_at", "hosts", "calibration")


def observation_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the observation that a record was made from."""
    return {**record["raw"], **{key: record[key] for key in _BESIDE_RAW}}


def clock_bounds_ns(observation: Observation) -> dict[str, int]:
    """Return how far each host's converted clock may be off: the bound of its offset and the drift over the run."""
    clocks = observation["clocks"]
    return {end: int(clocks[end]["bound_ns"]) + abs(int(clocks[end].get("drift_ns") or 0)) for end in clocks}


def edges(observation: Observation) -> Edges | None:
    """Return where the guest stopped and ran again, by the events."""
    return blackout_edges(observation["events"], clock_bounds_ns(observation))


def status_times_ns(observation: Observation, host: str = "source") -> dict[str, int]:
    """Return when the migration first had each status ("active", "postcopy-active", "completed", …) on a host."""
    times: dict[str, int] = {}
    for event in observation["events"]:
        if event["event"] == "MIGRATION" and event["host"] == host:
            times.setdefault(str(event["data"].get("status")), int(event["at_ns"]))
    return times


def pauses_ns(observation: Observation) -> list[tuple[int, int | None]]:
    """Return when a post-copy's stream broke, by the source's events, and when it went on; None if it never did."""
    found: list[tuple[int, int | None]] = []
    for event in observation["events"]:
        if event["event"] != "MIGRATION" or event["host"] != "source":
            continue
        status, at_ns = event["data"].get("status"), int(event["at_ns"])
        is_open = bool(found) and found[-1][1] is None
        if status == "postcopy-paused" and not is_open:
            found.append((at_ns, None))
        elif status in ("postcopy-active", "completed") and is_open:
            found[-1] = (found[-1][0], at_ns)
    return found


def transfer_ns(observation: Observation) -> int | None:
    """Return how long the stream ran, from the status "active" to "completed" on the source; None if it did not."""
    times = status_times_ns(observation)
    if "active" not in times or "completed" not in times:
        return None
    return times["completed"] - times["active"]


def statistics(observation: Observation) -> Mapping[str, Any]:
    """Return the source's statistics after completion, or the last ones seen while it ran; empty without any."""
    completed = observation.get("completed")
    if completed:
        return completed  # type: ignore[no-any-return]
    return observation["job_series"][-1] if observation["job_series"] else {}


def largest(observation: Observation, key: str) -> int | None:
    """Return the largest value a statistic reached, in the series or at the end; None if it was never given."""
    rows = [*observation["job_series"], observation.get("completed") or {}]
    return max((int(row[key]) for row in rows if row.get(key) is not None), default=None)


def counter_delta(samples: list[dict[str, Any]], key: str, start_ns: int, end_ns: int) -> int | None:
    """Return how far a counter went from the last sample before start_ns to the first one after end_ns."""
    before = [row for row in samples if row["at_ns"] <= start_ns]
    after = [row for row in samples if row["at_ns"] >= end_ns]
    if not samples or not (before or after):
        return None
    first, last = (before or samples)[-1 if before else 0], (after or samples)[0 if after else -1]
    return int(last[key]) - int(first[key])


def ran_own_guest(observation: Observation) -> bool:
    """Return whether the guest was the project's own, which has a workload and a voice."""
    return observation["scenario"].get("workload") is not None


def succeeded(observation: Observation) -> bool:
    """Return whether the guest runs on the destination and on it alone, as was asked."""
    return observation["guest_location"] == "destination" and not observation["migration"]["error"]


def of_downtime(name: str, downtime: Downtime | None) -> dict[str, float | None]:
    """Return a downtime as two figures of the summary, both None if it is not known."""
    return {
        f"downtime_{name}_ms": None if downtime is None else round(downtime.value_ms, 3),
        f"downtime_{name}_uncertainty_ms": None if downtime is None else round(downtime.uncertainty_ms, 3),
    }
