# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brownout: how long after the blackout the workload ran slower than before, and how much work it missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Observation, edges, succeeded
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import guest_time_ns

# The workload is back when it does this share of its former work over this many milliseconds; a single bin of 10 ms
# may hold no touch at all at a low rate.
RECOVERED_SHARE = 0.9
SMOOTHING_MS = 100

CURVE_STEP_MS, CURVE_MS = 50, 5000

KEYS = (
    "brownout_ms",
    "brownout_area_mib",
    "brownout_equivalent_ms",
    "brownout_ended",
    "half_speed_ms",
    "full_speed_ms",
)


@dataclass(frozen=True)
class _After:
    """The work of each bin after the blackout, what a bin held before the migration, and what its slowest stretch did.

    All in MiB; a stretch is so many bins.
    """

    work_mib: Sequence[float]
    grain_ms: int
    base_mib: float
    slowest_mib: float
    stretch: int


def brownout(observation: Observation) -> dict[str, Any]:
    """Return the length of the brownout after the blackout, the work missing in it, and whether it ended in the window.

    The base is the rate of the warm-up. All are None for a guest that does not say what it does or that did not move.
    The blackout itself is not in it: the guest's clock, in which the series is told, stands still meanwhile.
    """
    after = _after(observation)
    if after is None:
        return dict.fromkeys(KEYS)
    bins, ended = _slow_bins(after, RECOVERED_SHARE * after.base_mib * after.stretch, RECOVERED_SHARE * after.base_mib)
    missing_mib = max(0.0, sum(after.base_mib - done for done in after.work_mib[:bins]))
    return {
        "brownout_ms": bins * after.grain_ms,
        "brownout_area_mib": round(missing_mib, 3),
        "brownout_equivalent_ms": round(missing_mib / after.base_mib * after.grain_ms, 3),
        "brownout_ended": ended,
        "half_speed_ms": _speed_ms(after, 0.5),
        "full_speed_ms": _speed_ms(after, 0.99),
    }


def curve(observation: Observation) -> list[int]:
    """Return the guest's speed in per cent of its former one, over each step from the moment on that it runs again."""
    after = _after(observation)
    if after is None:
        return []
    width = max(1, CURVE_STEP_MS // after.grain_ms)
    steps = range(0, min(len(after.work_mib) - width + 1, CURVE_MS // after.grain_ms), width)
    return [round(100 * sum(after.work_mib[step : step + width]) / (width * after.base_mib)) for step in steps]


def _after(observation: Observation) -> _After | None:
    """Return what the guest did after the blackout; None if that is not known."""
    found = edges(observation)
    warm_up, window = observation["guest"]["warm_up"], observation["guest"]["window"]
    if found is None or not succeeded(observation) or not warm_up or not window:
        return None
    base_mib_per_second = warm_up["achieved_mib_per_second"]
    resumed_ns = guest_time_ns(observation["echoes"], found.stop_ns)
    if resumed_ns is None or base_mib_per_second <= 0:
        return None
    grain_ms = window["grain_ms"]
    first = max(0, int((resumed_ns - window["series_start_ns"]) // (grain_ms * 1_000_000)))
    # The last bin was still being filled when the guest reported.
    work_mib = window["series_mib"][first:-1]
    if not work_mib:
        return None
    stretch = max(1, SMOOTHING_MS // grain_ms)
    base_mib = base_mib_per_second * grain_ms / 1000
    before = warm_up.get("series_mib", [])[:-1]
    stretches = [sum(before[end - stretch : end]) for end in range(stretch, len(before) + 1)]
    # A pause of the machine in the warm-up is no speed of the guest.
    slowest_mib = min(max(min(stretches, default=0.0), RECOVERED_SHARE * base_mib * stretch), base_mib * stretch)
    return _After(work_mib, grain_ms, base_mib, slowest_mib, stretch)


def _speed_ms(after: _After, share: float) -> int | None:
    """Return when the guest is back for good at a share of its former speed; None if not within the window.

    Of the slowest stretch of the warm-up: its rate is not even, and near all of it the mean would be missed by chance.
    """
    bins, ended = _slow_bins(after, share * after.slowest_mib, share * after.slowest_mib / after.stretch)
    return bins * after.grain_ms if ended else None


def _slow_bins(after: _After, stretch_mib: float, bin_mib: float) -> tuple[int, bool]:
    """Return how many bins pass until the work is back for good, and whether it is at the end.

    The work counts as back after the last stretch that did less than stretch_mib; within it, after its last bin that
    did less than bin_mib.
    """
    work, width = after.work_mib, after.stretch
    slow = [end for end in range(width, len(work) + 1) if sum(work[end - width : end]) < stretch_mib]
    if not slow:
        return 0, True
    last = slow[-1]
    while last > slow[-1] - width and work[last - 1] >= bin_mib:
        last -= 1
    return last, slow[-1] < len(work)
