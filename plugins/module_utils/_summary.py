# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduces an observation to the figures of a run. Each key carries its unit; None means that it could not be had."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._brownout import brownout
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    Observation,
    clock_bounds_ns,
    counter_delta,
    edges,
    largest,
    of_downtime,
    pauses_ns,
    statistics,
    status_times_ns,
    succeeded,
    transfer_ns,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._old_measures import old_measures
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import (
    NS_PER_MS,
    PROBE_PERIOD_MS,
    Downtime,
    events_blackout,
    guest_jump,
    network_downtime,
    network_outages,
    noise_floor_ms,
)

# Samples are taken every 50 ms: this long after the end, the last byte is counted on both hosts.
SETTLED_NS = 100_000_000


def summarise(observation: Observation) -> dict[str, Any]:
    """Return the summary of a run."""
    stops = downtimes(observation)
    return {
        **times(observation),
        **bytes_carried(observation),
        **of_downtime("events", stops["events"]),
        **of_downtime("guest", stops["guest"]),
        **of_downtime("network", stops["network"]),
        "downtime_qemu_ms": statistics(observation).get("downtime_ms"),
        "downtime_guest_beyond_events_ms": _beyond(stops["guest"], stops["events"]),
        "downtime_network_beyond_guest_ms": _beyond(stops["network"], stops["guest"]),
        **_network(observation),
        **old_measures(observation),
        **brownout(observation),
        **_guest(observation),
        **postcopy(observation),
        "cpu_seconds_source": cpu_seconds(observation, "source"),
        "cpu_seconds_destination": cpu_seconds(observation, "destination"),
        "daemon_cpu_seconds_source": daemon_delta(observation, "source", "cpu_seconds"),
        "daemon_cpu_seconds_destination": daemon_delta(observation, "destination", "cpu_seconds"),
    }


def downtimes(observation: Observation) -> dict[str, Downtime | None]:
    """Return the downtime as each vantage point shows it: "events", "guest" and "network".

    A guest that did not move may have stood still all the same (a failed switchover); the events tell.
    """
    found = edges(observation)
    echoes = observation["echoes"]
    if found is None or not succeeded(observation):
        return {
            "events": events_blackout(observation["events"], clock_bounds_ns(observation)),
            "guest": None,
            "network": None,
        }
    quiet_until_ns = min(observation["migration"]["start_ns"], found.stop_ns)
    return {
        "events": events_blackout(observation["events"], clock_bounds_ns(observation)),
        "guest": guest_jump(echoes, found.stop_ns, found.resume_ns),
        "network": network_downtime(echoes, found.stop_ns, found.resume_ns, PROBE_PERIOD_MS, quiet_until_ns),
    }


def cpu_seconds(observation: Observation, end: str) -> float | None:
    """Return the CPU time of QEMU's threads on one end while the migration ran; None without samples.

    A thread that was not there before counts from zero, as does all of the destination's process.
    """
    samples = observation["threads"][end]
    start_ns, end_ns = observation["migration"]["start_ns"], observation["migration"]["end_ns"]
    before: dict[str, float] = {}
    last: dict[str, float] = {}
    for sample in samples:
        if sample["at_ns"] <= start_ns:
            before = sample["cpu_seconds"]
        elif sample["at_ns"] <= end_ns + SETTLED_NS:
            last.update(sample["cpu_seconds"])
    if not last:
        return None
    return round(sum(max(0.0, used - before.get(name, 0.0)) for name, used in last.items()), 3)


def daemon_delta(observation: Observation, end: str, key: str) -> float | None:
    """Return how much of something libvirt's daemon on one end spent while the migration ran; None if not sampled."""
    rows = [
        {"at_ns": sample["at_ns"], key: sample["daemon"][key]}
        for sample in observation["threads"][end]
        if key in (sample.get("daemon") or {})
    ]
    start_ns, until_ns = observation["migration"]["start_ns"], observation["migration"]["end_ns"] + SETTLED_NS
    before = [row[key] for row in rows if row["at_ns"] <= start_ns]
    while_it_ran = [row[key] for row in rows if start_ns < row["at_ns"] <= until_ns]
    if not while_it_ran:
        return None
    spent: float = while_it_ran[-1] - (before[-1] if before else while_it_ran[0])
    return round(spent, 3)


def times(observation: Observation) -> dict[str, Any]:
    """Return the times: what a user waits for, what of it was preparation, and what the bytes alone would take."""
    migration, seen = observation["migration"], status_times_ns(observation)
    group = observation["group"]
    stream_ns = transfer_ns(observation)
    sent_bytes = largest(observation, "memory_processed_bytes")
    payload = observation["scenario"]["link"].get("payload_mbit_per_second")
    rate = (
        None if stream_ns is None or stream_ns <= 0 or sent_bytes is None else sent_bytes * 8 / (stream_ns / 1e9) / 1e6
    )
    return {
        "total_time_ms": _ms(migration["end_ns"] - migration["start_ns"]),
        "group_time_ms": _ms(group["end_ns"] - group["start_ns"]),
        "preparation_time_ms": _ms(seen["active"] - migration["start_ns"]) if "active" in seen else None,
        "setup_time_ms": statistics(observation).get("setup_time_ms"),
        "transfer_time_ms": _ms(stream_ns),
        "payload_time_ms": None
        if payload is None or sent_bytes is None
        else round(sent_bytes * 8 / (payload * 1e3), 3),
        "mean_rate_mbit_per_second": None if rate is None else round(rate, 3),
    }


def bytes_carried(observation: Observation) -> dict[str, Any]:
    """Return what QEMU says it sent, and what the migration network carried meanwhile."""
    out, into = nic_bytes_between(observation, observation["migration"]["start_ns"], observation["migration"]["end_ns"])
    passes = [e["data"].get("pass") for e in observation["events"] if e["event"] == "MIGRATION_PASS"]
    iterations = [n for n in (largest(observation, "memory_iteration"), *passes) if n is not None]
    return {
        "transferred_bytes": largest(observation, "memory_processed_bytes"),
        "normal_bytes": largest(observation, "memory_normal_bytes"),
        "nic_bytes_source": out,
        "nic_bytes_destination": into,
        "iterations": max(iterations, default=None),
        "disk_bytes": largest(observation, "disk_processed_bytes") or None,
        "disk_copy_time_ms": _disk_copy_time_ms(observation),
    }


def _disk_copy_time_ms(observation: Observation) -> float | None:
    """Return how long disks were copied before the memory's turn came; None without disks to copy."""
    mirrors = [e for e in observation["events"] if e["host"] == "source" and e["data"].get("type") == "mirror"]
    ready = [e["at_ns"] for e in mirrors if e["event"] == "BLOCK_JOB_READY"]
    begun = [e["at_ns"] for e in observation["events"] if e["host"] == "source" and e["event"] == "JOB_STATUS_CHANGE"]
    return _ms(max(ready) - min(begun)) if ready and begun else None


def nic_bytes_between(observation: Observation, start_ns: int, end_ns: int) -> tuple[int | None, int | None]:
    """Return what the source's migration interface sent and the destination's received, the last byte included."""
    network, until_ns = observation["network"], end_ns + SETTLED_NS
    return (
        counter_delta(network["source"], "tx_bytes", start_ns, until_ns),
        counter_delta(network["destination"], "rx_bytes", start_ns, until_ns),
    )


def _network(observation: Observation) -> dict[str, Any]:
    """Return how restless the tenant network was while the guest moved: all outages, not only the longest."""
    echoes, start_ns = observation["echoes"], observation["migration"]["start_ns"]
    floor_ms = noise_floor_ms(echoes, start_ns)
    if floor_ms is None:
        return dict.fromkeys(("network_noise_floor_ms", "network_outages", "probes_lost", "probes_late"))
    outages = [o for o in network_outages(echoes, PROBE_PERIOD_MS, floor_ms) if o["end_ns"] >= start_ns]
    return {
        "network_noise_floor_ms": round(floor_ms, 3),
        "network_outages": len(outages),
        "probes_lost": sum(outage["lost"] for outage in outages),
        "probes_late": sum(outage["late"] for outage in outages),
    }


def _guest(observation: Observation) -> dict[str, Any]:
    """Return what the guest says of itself."""
    warm_up, window = observation["guest"]["warm_up"], observation["guest"]["window"]
    return {
        "achieved_dirty_rate_mib_per_second": None if warm_up is None else round(warm_up["achieved_mib_per_second"], 3),
        "guest_longest_touch_ms": None if window is None else _ms(window["longest_touch_ns"]),
    }


def postcopy(observation: Observation) -> dict[str, Any]:
    """Return what post-copy cost, as both QEMUs count it."""
    destination: Mapping[str, Any] = observation["destination_statistics"]
    latency_ns = destination.get("postcopy-latency")
    histogram: Sequence[int] = destination.get("postcopy-latency-dist") or ()
    return {
        "postcopy_requests": largest(observation, "memory_postcopy_requests"),
        "postcopy_faults": sum(histogram) if histogram else None,
        "postcopy_latency_mean_us": None if latency_ns is None else round(latency_ns / 1000, 3),
        "postcopy_latency_50_below_us": _below_us(histogram, 0.5),
        "postcopy_latency_99_below_us": _below_us(histogram, 0.99),
        "postcopy_blocktime_ms": destination.get("postcopy-blocktime"),
        "postcopy_paused_ms": paused_ms(observation),
    }


def _below_us(histogram: Sequence[int], share: float) -> int | None:
    """Return the upper end of the bucket that a share of the faults is reached in; None without, or in the last one."""
    reached = 0
    for bucket, count in enumerate(histogram[:-1]):
        reached += count
        if count and reached >= share * sum(histogram):
            return int(2 ** (bucket + 1))
    return None


def paused_ms(observation: Observation) -> float | None:
    """Return how long the stream stood broken after the switch, zero if it did not; None if it never went on."""
    found = pauses_ns(observation)
    if "postcopy-active" not in status_times_ns(observation) or any(end_ns is None for _start_ns, end_ns in found):
        return None
    return _ms(sum((end_ns or start_ns) - start_ns for start_ns, end_ns in found))


def _beyond(larger: Downtime | None, smaller: Downtime | None) -> float | None:
    """Return how much longer one vantage point saw the downtime than another."""
    if larger is None or smaller is None:
        return None
    return round(larger.value_ms - smaller.value_ms, 3)


def _ms(nanoseconds: int | None) -> float | None:
    """Return nanoseconds as milliseconds."""
    return None if nanoseconds is None else round(nanoseconds / NS_PER_MS, 3)
