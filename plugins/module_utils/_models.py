# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration should take, from its scenario alone: bytes over rate, and what the guest dirties meanwhile.

The models are those of the literature, with the rule by which QEMU ends pre-copy. A prediction says whether it stands
inside the region in which its model is valid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._payload import payload_share
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import (
    BYTES_PER_MIB,
    Link,
    Scenario,
    Workload,
    mib_per_second,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES, Strategy
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import StrategyChoice

PAGE_BYTES = 4096

# What QEMU's stream holds beside the bytes of a page: a header. A page of one repeated byte is a header and that byte.
PAGE_HEADER_BYTES, ZERO_PAGE_BYTES = 8, 9

# Fitted to 16 runs of the demonstration (guest of 512 MiB, 1 Gb/s, containers on a machine of two cores, QEMU 11.1,
# tcg), as medians: what the guest's kernel touched beside the working set, the devices' part of the stream, the times
# before and after the stream, and what a blackout lasts beyond its bytes.
TOUCHED_BESIDE_MIB = 58.5
DEVICE_STATE_BYTES = 220_000
PREPARATION_MS = 780.0
CONCLUSION_MS = 235.0
RESUME_MS = 30.0
POSTCOPY_RESUME_MS = 125.0
# What Nova takes beside, before it asks libvirt and after libvirt has ended: runs through both differed by 25.1, 26.5
# and 26.9 s on a machine that also ran the control plane.
NOVA_MS = 26_000.0

# QEMU compares what is left with what the downtime limit allows after slices of at most this length.
SLICE_SECONDS = 0.05

# Between these ratios of dirty rate to payload rate, small errors of either decide whether pre-copy ends at all.
NEAR_ONE = (0.8, 1.25)

# Background traffic that would take more than this share meets TCP's own fairness.
LARGEST_BACKGROUND_SHARE = 0.5

MOST_PASSES = 10_000

_THROTTLED = (
    "The model takes a guest that is slowed to dirty memory in proportion to the time that is left to it; one that had"
    " time to spare dirties more."
)


@dataclass(frozen=True)
class Prediction:
    """What a model expects of one migration. downtime_ms is None if it never ends; holds says whether to trust it.

    brownout_ms is how long the guest may wait for its memory after the blackout, at most; resume_ms is the part of the
    blackout that no byte takes; disk_time_ms how long disks are copied before the memory's turn comes.
    """

    total_time_ms: float
    transfer_time_ms: float
    downtime_ms: float | None
    transferred_bytes: float
    iterations: int | None
    converges: bool
    holds: bool
    note: str
    brownout_ms: float = 0.0
    resume_ms: float = RESUME_MS
    disk_time_ms: float = 0.0


def predict(scenario: Scenario, touched_mib: float | None = None, busy_share: float = 1.0) -> Prediction | None:
    """Return what is expected of a scenario; None for a site's own guest, of whose memory nothing is known.

    touched_mib is how much of its memory the guest has touched, where that was measured; busy_share for what share of
    the time it needs its processors, so that it dirties no less before more than the rest is taken from it.
    """
    if isinstance(scenario.guest, SiteGuest) or scenario.workload is None:
        return None
    memory_mib = float(scenario.guest.memory_mib)
    touched_mib = min(memory_mib, touched_mib or scenario.workload.working_set_mib + TOUCHED_BESIDE_MIB)
    untouched_mib = memory_mib - touched_mib
    rate, disk = stream_mib_per_second(scenario), scenario.guest.disk
    # libvirt copies the disks before the memory.
    disk_mib = disk.written_mib if disk is not None and scenario.guest.copy_disks else 0
    stream = _Stream(scenario, scenario.workload, touched_mib, untouched_mib, rate, busy_share, disk_mib / rate)
    expected = _of_memory(stream, STRATEGIES[scenario.strategy.name])
    return replace(expected, total_time_ms=expected.total_time_ms + beyond_limit_ms(scenario))


def beyond_limit_ms(scenario: Scenario) -> float:
    """Return what a migration takes outside of its time limit, which begins when libvirt is asked."""
    return NOVA_MS if scenario.driver == "nova" else 0.0


def _of_memory(stream: _Stream, strategy: Strategy) -> Prediction:
    if strategy.suspends_first:
        return stream.stop_and_copy()
    if strategy.switch == "at-once":
        return stream.post_copy()
    return stream.hybrid() if strategy.uses_postcopy else stream.pre_copy()


def payload_mbit_per_second(link: Link) -> float:
    """Return what the link carries of a stream: as it was measured, else what the headers leave of its rate."""
    return link.payload_mbit_per_second or link.rate_mbit_per_second * payload_share(link.mtu)


def stream_mib_per_second(scenario: Scenario) -> float:
    """Return the rate that one guest's stream gets: its share of what the link carries, or its own limit."""
    payload = payload_mbit_per_second(scenario.link)
    payload -= min(scenario.background.link_mbit_per_second, payload * LARGEST_BACKGROUND_SHARE)
    share = mib_per_second(payload) / scenario.streams
    limit = scenario.strategy.bandwidth_limit_mib_per_second
    return share if limit is None else min(share, float(limit))


def dirtied_mib(workload: Workload, seconds: float, rewriting: bool) -> float:
    """Return how much of its working set a guest dirties in a time; a page written twice counts once.

    A sequential sweep rewrites nothing before it has been through; rewriting takes its writes as random ones instead.
    """
    size, rate = float(workload.working_set_mib), workload.dirty_rate_mib_per_second
    if workload.pattern in ("idle", "read-only"):
        return 0.0
    if workload.pattern == "hot-set":
        hot, often = workload.hot_set_percent / 100, workload.hot_touch_percent / 100
        return _random(size * hot, rate * often * seconds) + _random(size * (1 - hot), rate * (1 - often) * seconds)
    if workload.pattern == "sequential" and not rewriting:
        return min(size, rate * seconds)
    return _random(size, rate * seconds)


def _random(size_mib: float, written_mib: float) -> float:
    """Return how much of some memory is dirty after so much was written to random pages of it."""
    return size_mib * -math.expm1(-written_mib / size_mib) if size_mib > 0 else 0.0


class _Throttle:
    """Auto-converge: what it takes of the guest's processors; other strategies never take anything."""

    def __init__(self, choice: StrategyChoice) -> None:
        self.percent = 0
        self._initial, self._increment = (
            choice.options.get(f"throttle_{name}_percent", 0) if "auto-converge" in choice.row.features else 0
            for name in ("initial", "increment")
        )
        self._missed = 0

    @property
    def running_share(self) -> float:
        """The share of the time in which the guest runs."""
        return 1 - self.percent / 100

    def look(self, dirtied_mib: float, sent_mib: float) -> None:
        """Take more at each second pass during which the guest dirtied at least half of what was sent."""
        self._missed += dirtied_mib > sent_mib / 2
        if self._missed == 2:
            self._missed = 0
            self.percent = min(99, self.percent + (self._increment if self.percent else self._initial))


@dataclass(frozen=True)
class _Stream:
    """The memory of one guest and the rate in MiB/s at which it goes; what was not touched goes as pages of zeros."""

    scenario: Scenario
    workload: Workload
    touched_mib: float
    untouched_mib: float
    rate: float
    busy_share: float
    # How long disks are copied before.
    disk_seconds: float

    def stop_and_copy(self) -> Prediction:
        """The guest stands still while all it touched is sent."""
        seconds = self.touched_mib / self.rate
        if self._too_late(seconds):
            return self._given_up(2, "the memory takes longer than the time limit")
        return self._told(self.touched_mib, seconds * 1e3 + RESUME_MS, 2)

    def post_copy(self) -> Prediction:
        """The guest moves with its devices' state, and its memory follows once."""
        return self._told(self.touched_mib, POSTCOPY_RESUME_MS, 2, self.touched_mib)

    def hybrid(self) -> Prediction:
        """One pass over all memory, then what was dirtied after it had been sent.

        With post-copy permitted QEMU looks for dirty pages all the time, so what is dirtied before it was sent goes
        once. A page is sent at any time of the pass; the mean over the pass is taken at its middle for each of ten
        parts.
        """
        seconds = self.touched_mib / self.rate
        if self._too_late(seconds):
            return self._given_up(None, "the first pass takes longer than the time limit")
        parts = 10
        left = sum(self._dirtied(seconds * (part + 0.5) / parts) for part in range(parts)) / parts
        return self._told(self.touched_mib + left, POSTCOPY_RESUME_MS, None, left)

    def pre_copy(self) -> Prediction:
        """Passes over what was dirtied during the pass before, until the rest fits into the downtime limit.

        QEMU looks again as soon as the rest is that small, not at the end of a pass. So the rest is about the limit
        when it stops the guest, unless the whole working set is smaller.  Auto-converge lets the guest run for a part
        of the time only, and so dirty as much as in that part.
        """
        throttle = _Throttle(self.scenario.strategy)
        allowed = self.scenario.strategy.downtime_limit_ms / 1e3 * self.rate
        rest, sent, passes = self.touched_mib, 0.0, 1
        while rest > allowed and passes < MOST_PASSES:
            sent += rest - allowed
            fresh = self._dirtied((rest - allowed) / self.rate * min(1.0, throttle.running_share / self.busy_share))
            throttle.look(fresh, rest - allowed)
            passes += 1
            if self._too_late(sent / self.rate):
                return self._given_up(passes, "the guest dirties its memory about as fast as it is sent, or faster")
            # After the first pass nothing outside of the working set is left.
            rest = min(allowed + fresh, float(self.workload.working_set_mib)) if fresh else allowed
            if allowed < rest <= allowed + SLICE_SECONDS * self.rate:
                sent, rest = sent + rest - allowed, allowed
        told = self._told(sent + rest, rest / self.rate * 1e3 + RESUME_MS, passes)
        return replace(told, holds=False, note=_THROTTLED) if throttle.percent else told

    @property
    def _ratio(self) -> float:
        """Dirty rate over the stream's rate."""
        writes = self.workload.pattern not in ("idle", "read-only")
        return self.workload.dirty_rate_mib_per_second / self.rate if writes else 0.0

    @property
    def _near_one(self) -> bool:
        return NEAR_ONE[0] < self._ratio < NEAR_ONE[1]

    def _dirtied(self, seconds: float) -> float:
        """Return what is dirtied in a time, by the form that is valid at this ratio of the rates."""
        return dirtied_mib(self.workload, seconds, rewriting=self._near_one)

    def _too_late(self, seconds: float) -> bool:
        """Return whether the time limit, which also covers preparation and disks, has passed."""
        return PREPARATION_MS / 1e3 + self.disk_seconds + seconds > self.scenario.time_limit_seconds

    def _told(self, sent_mib: float, downtime_ms: float, passes: int | None, missing_mib: float = 0.0) -> Prediction:
        """Return the prediction of a migration that ends; so much memory was missing when the guest ran again."""
        sent_bytes = self._bytes(sent_mib)
        transfer_ms = sent_bytes / (self.rate * BYTES_PER_MIB) * 1e3
        transfer_ms += RESUME_MS if STRATEGIES[self.scenario.strategy.name].switch == "never" else 0.0
        disk_ms = self.disk_seconds * 1e3
        total_ms = PREPARATION_MS + disk_ms + transfer_ms + CONCLUSION_MS
        told = Prediction(total_ms, transfer_ms, downtime_ms, sent_bytes, passes, True, *self._region())
        resume_ms = POSTCOPY_RESUME_MS if STRATEGIES[self.scenario.strategy.name].uses_postcopy else RESUME_MS
        return replace(told, brownout_ms=missing_mib / self.rate * 1e3, resume_ms=resume_ms, disk_time_ms=disk_ms)

    def _given_up(self, passes: int | None, why: str) -> Prediction:
        """Return the prediction of a migration that its time limit ends while it sends."""
        limit_ms = self.scenario.time_limit_seconds * 1e3
        transfer_ms = max(0.0, limit_ms - PREPARATION_MS - self.disk_seconds * 1e3)
        holds, note = self._region()
        return Prediction(
            total_time_ms=limit_ms + CONCLUSION_MS,
            transfer_time_ms=transfer_ms,
            downtime_ms=None,
            transferred_bytes=transfer_ms / 1e3 * self.rate * BYTES_PER_MIB,
            iterations=passes,
            converges=False,
            holds=holds,
            note=f"Not expected to end: {why}. {note}",
        )

    def _bytes(self, sent_mib: float) -> float:
        """Return the bytes of the stream that carries so much memory, and the rest of the guest's as zeros."""
        pages = sent_mib * BYTES_PER_MIB / PAGE_BYTES
        zero_pages = self.untouched_mib * BYTES_PER_MIB / PAGE_BYTES
        return pages * (PAGE_BYTES + PAGE_HEADER_BYTES) + zero_pages * ZERO_PAGE_BYTES + DEVICE_STATE_BYTES

    def _region(self) -> tuple[bool, str]:
        """Return whether the model is valid here, and the sentence that says so."""
        cpu_percent = self.scenario.background.cpu_percent
        if cpu_percent:
            return False, f"The model knows nothing of the {cpu_percent:g} % of the processors that other work takes."
        strategy = STRATEGIES[self.scenario.strategy.name]
        if strategy.suspends_first or strategy.switch == "at-once" or not self._ratio:
            return True, "Each page is sent once, so the model holds at any dirty rate."
        form = "the share of the working set that random writes reach"
        if self.workload.pattern != "sequential":
            return True, f"Dirty rate {self._ratio:.2f} times the stream's rate; dirty pages by {form}."
        if self._near_one:
            return False, (
                f"Dirty rate {self._ratio:.2f} times the stream's rate, between {NEAR_ONE[0]:g} and {NEAR_ONE[1]:g}:"
                f" the geometric form is not valid there, so dirty pages are estimated by {form}."
            )
        return True, (
            f"Dirty rate {self._ratio:.2f} times the stream's rate, outside of {NEAR_ONE[0]:g} to {NEAR_ONE[1]:g}:"
            " the geometric form is valid."
        )
