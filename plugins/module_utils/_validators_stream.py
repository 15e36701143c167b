# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators of the stream: what QEMU, libvirt and the network say of one and the same bytes must agree."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._models import PAGE_HEADER_BYTES, ZERO_PAGE_BYTES
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    Finding,
    Observation,
    largest,
    pauses_ns,
    statistics,
    status_times_ns,
    succeeded,
    transfer_ns,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._payload import SHAPED_BYTES, payload_share
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BACKGROUND_SHARE, BYTES_PER_MIB
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import nic_bytes_between, times

# QEMU rounds its times to milliseconds and tells of the end a moment after it counted.
IDENTITY_SHARE = 0.02
IDENTITY_SLACK_MS = 20.0

# What the stream may hold beside pages: the devices' state, the dirty bitmap, the requests of post-copy.
ACCOUNTING_SHARE = 0.02
ACCOUNTING_SLACK_BYTES = 4 * BYTES_PER_MIB

# Buffers let a sender's counter run ahead of the link, the more to be seen the shorter the window.
RATE_WINDOW_NS = 1_000_000_000
RATE_SLACK_BYTES = 4 * BYTES_PER_MIB
RATE_SHARE = 0.03

LIMIT_SHARE = 0.02
LIMIT_SLACK_MS = 40.0

# From headers counted once for a whole large segment, to each segment with its own and the acknowledgements.
NIC_LOWEST, NIC_HIGHEST = 0.99, 1.08
NIC_SLACK_BYTES = 2 * BYTES_PER_MIB
NIC_ENDS_SHARE = 0.03

# Page faults that QEMU 11.1 counts and does not time: means over a dozen faults were low by about one of them.
UNTIMED_FAULTS = 2


def throughput_identity(observation: Observation) -> Finding:
    """The bytes sent, divided by the time it took, are the rate that QEMU reports."""
    name = "throughput_identity"
    completed = observation.get("completed") or {}
    rate, sent = completed.get("memory_bytes_per_second"), completed.get("memory_processed_bytes")
    stream_ns = _counted_ns(observation)
    if not rate or not sent or not stream_ns:
        return Finding(name, None, "QEMU reported no rate and time of a completed stream to compare.")
    told_ms, seen_ms = sent / rate * 1e3, stream_ns / 1e6
    passed = abs(told_ms - seen_ms) <= max(IDENTITY_SHARE * seen_ms, IDENTITY_SLACK_MS)
    told_rate, seen_rate = rate * 8 / 1e6, sent * 8 / seen_ms / 1e3
    sentence = f"{sent} bytes in {seen_ms:.0f} ms are {seen_rate:.1f} Mbit/s, and QEMU reports {told_rate:.1f} Mbit/s."
    return Finding(name, passed, sentence)


def _counted_ns(observation: Observation) -> int | None:
    """Return the time that QEMU divides by: all but its own setup, so that a TLS handshake before the stream counts."""
    times_ns, setup_ms = status_times_ns(observation), statistics(observation).get("setup_time_ms")
    if "setup" not in times_ns or "completed" not in times_ns or setup_ms is None:
        return transfer_ns(observation)
    return times_ns["completed"] - times_ns["setup"] - int(setup_ms * 1_000_000)


def accounting(observation: Observation) -> Finding:
    """The bytes sent are explained by the pages sent."""
    name = "accounting"
    sent, normal = largest(observation, "memory_processed_bytes"), largest(observation, "memory_normal_bytes")
    if sent is None or normal is None:
        return Finding(name, None, "libvirt reported no bytes and pages to compare.")
    pages = largest(observation, "memory_normal_pages") or 0
    constant = largest(observation, "memory_constant_pages") or 0
    changes = largest(observation, "xbzrle_bytes") or 0
    explained = normal + PAGE_HEADER_BYTES * pages + ZERO_PAGE_BYTES * constant + changes
    passed = sent <= explained * (1 + ACCOUNTING_SHARE) + ACCOUNTING_SLACK_BYTES
    return Finding(name, passed, f"{sent} bytes were sent, and the pages sent explain {explained} of them.")


def rate_within_link(observation: Observation) -> Finding:
    """No counter ran faster than the link carries, over a second or more."""
    name = "rate_within_link"
    link = float(observation["scenario"]["link"]["rate_mbit_per_second"])
    fastest = {
        "the NIC of the source": _fastest(observation["network"]["source"], "tx_bytes"),
        "the NIC of the destination": _fastest(observation["network"]["destination"], "rx_bytes"),
        "the job statistics": _fastest(observation["job_series"], "memory_processed_bytes"),
        "the mean of the stream": times(observation)["mean_rate_mbit_per_second"],
    }
    seen = {where: rate for where, rate in fastest.items() if rate is not None}
    if not seen:
        return Finding(name, None, "The migration was too short to tell a rate over one second.")
    where = max(seen, key=lambda key: seen[key])
    passed = seen[where] <= link * (1 + RATE_SHARE)
    return Finding(
        name, passed, f"The highest rate was {seen[where]:.1f} Mbit/s, by {where}, on a link of {link:g} Mbit/s."
    )


def physical_limit(observation: Observation) -> Finding:
    """All of the working set was sent, and the bytes sent took the time that the link needs for them.

    A busy host measures less than the link carries, so what its frames leave at most counts if that is more.
    """
    name = "physical_limit"
    sent, stream_ns = largest(observation, "memory_processed_bytes"), transfer_ns(observation)
    if not succeeded(observation) or sent is None or stream_ns is None:
        return Finding(name, None, "The migration did not complete, so there is no whole stream to judge.")
    link, workload = observation["scenario"]["link"], observation["scenario"]["workload"]
    most = link["rate_mbit_per_second"] * payload_share(link["mtu"], beside_bytes=SHAPED_BYTES)
    rate = max(link.get("payload_mbit_per_second") or 0.0, most)
    needed_ms, took_ms = sent * 8 / rate / 1e3, stream_ns / 1e6
    compresses = "VIR_MIGRATE_COMPRESSED" in STRATEGIES[observation["scenario"]["strategy"]["name"]].libvirt_flags
    if workload is not None and sent < workload["working_set_mib"] * BYTES_PER_MIB and not compresses:
        held = workload["working_set_mib"] * BYTES_PER_MIB
        return Finding(name, False, f"Only {sent} bytes were sent, but the working set alone holds {held}.")
    passed = took_ms >= needed_ms * (1 - LIMIT_SHARE) - LIMIT_SLACK_MS
    return Finding(
        name, passed, f"{sent} bytes took {took_ms:.0f} ms, and {rate:.1f} Mbit/s of payload need {needed_ms:.0f} ms."
    )


def nic_bytes(observation: Observation) -> Finding:
    """The migration network carried what QEMU says it sent, and the destination got what the source sent.

    Guests that move at once, and a stream beside them, share the network: all of them are counted together.  Of copied
    disks it is known how much was read, not how much of that were holes, which are not sent.
    """
    name = "nic_bytes"
    group, beside = observation["group"], _streamed_beside(observation)
    sent, disks = group["transferred_bytes"], group["disk_bytes"] or 0
    out, into = nic_bytes_between(observation, group["start_ns"], group["end_ns"])
    if not succeeded(observation) or sent is None or out is None or into is None:
        return Finding(name, None, "Not all migrations completed, or the counters of the NICs are not there.")
    slack = NIC_SLACK_BYTES + BACKGROUND_SHARE * beside
    # What was under way when a stream broke is counted, and was never carried.
    broke = bool(pauses_ns(observation))
    least, most = NIC_LOWEST * sent + beside - slack, NIC_HIGHEST * (sent + disks) + beside + slack
    fits = (broke or least <= out) and out <= most
    agrees = abs(out - into) <= NIC_ENDS_SHARE * out + slack
    guests = observation["scenario"]["guests"]
    parts = [
        f"QEMU sent {sent} bytes",
        f" for {guests} guests" if guests > 1 else "",
        f" of memory and up to {disks} of disks" if disks else "",
        f" beside a stream of {beside}" if beside else "",
    ]
    return Finding(
        name,
        fits and agrees,
        f"{''.join(parts)}, the source's NIC {out}, and the destination's NIC received {into}.",
    )


def _streamed_beside(observation: Observation) -> int:
    """Return about how many bytes the background's stream sent from the first start to the last end."""
    background, group = observation["background"], observation["group"]
    if background is None:
        return 0
    return int(background["link_mbit_per_second"] * 1e6 / 8 * (group["end_ns"] - group["start_ns"]) / 1e9)


def latency_histogram(observation: Observation) -> Finding:
    """The mean post-copy latency is none that its own histogram forbids.

    QEMU counts in buckets of [2^i, 2^(i+1)) microseconds; the first also holds what is faster, the last what is slower.
    The mean divides by all faults of a processor, but adds up only those that leave it without another one: a processor
    that is woken while it waits for a page asks again, and of such faults at once the last alone counts. So a mean is
    never higher than the histogram's and may be lower by any amount; what it adds up are the processors' blocktimes.
    """
    name = "latency_histogram"
    destination = observation["destination_statistics"]
    mean_ns, counts = destination.get("postcopy-latency"), destination.get("postcopy-latency-dist")
    if mean_ns is None or not counts or not sum(counts):
        return Finding(name, None, "The destination's QEMU reports no post-copy latencies (10.1 or newer would).")
    faults = sum(counts)
    # Faults whose page came another way are among those that the mean divides by.
    low_us = sum(destination.get("postcopy-vcpu-blocktime") or ()) * 1e3 / (faults + UNTIMED_FAULTS)
    high_us = float("inf") if counts[-1] else sum(count * 2 ** (i + 1) for i, count in enumerate(counts)) / faults
    mean_us = mean_ns / 1000
    # QEMU cuts the mean and each latency down to whole units.
    passed = low_us - 1 <= mean_us <= high_us + 1
    all_us = sum(count * 2**i for i, count in enumerate(counts) if i) / faults
    sentence = (
        f"The mean of {faults} page faults is {mean_us:.1f} us; blocktimes and histogram allow {low_us:.1f} to"
        f" {high_us:.1f}"
        + (f", and {all_us:.1f} or more if QEMU had added up faults at once" if mean_us < all_us else "")
        + "."
    )
    return Finding(name, passed, sentence)


def _fastest(samples: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the highest rate (Mbit/s) of a counter over windows of a second; None if the samples span less."""
    rows = [(int(row["at_ns"]), int(row[key])) for row in samples if row.get(key) is not None]
    rates = []
    earlier = 0
    for at_ns, value in rows:
        while earlier + 1 < len(rows) and rows[earlier + 1][0] <= at_ns - RATE_WINDOW_NS:
            earlier += 1
        since_ns, before = rows[earlier]
        if since_ns <= at_ns - RATE_WINDOW_NS:
            rates.append(max(0, value - before - RATE_SLACK_BYTES) * 8e3 / (at_ns - since_ns))
    return max(rates, default=None)
