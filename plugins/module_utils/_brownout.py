# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brownout: how long after the blackout the workload ran slower than before, and how much work it missed."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Observation, edges, succeeded
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import guest_time_ns

# The workload is back when it does this share of its former work over this many milliseconds; a single bin of 10 ms
# may hold no touch at all at a low rate.
RECOVERED_SHARE = 0.9
SMOOTHING_MS = 100

KEYS = ("brownout_ms", "brownout_area_mib", "brownout_ended")


def brownout(observation: Observation) -> dict[str, Any]:
    """Return the length of the brownout after the blackout, the work missing in it, and whether it ended in the window.

    The base is the rate of the warm-up. All are None for a guest that does not say what it does or that did not move.
    The blackout itself is not in it: the guest's clock, in which the series is told, stands still meanwhile.
    """
    found = edges(observation)
    warm_up, window = observation["guest"]["warm_up"], observation["guest"]["window"]
    if found is None or not succeeded(observation) or not warm_up or not window:
        return dict.fromkeys(KEYS)
    base_mib_per_second = warm_up["achieved_mib_per_second"]
    resumed_ns = guest_time_ns(observation["echoes"], found.stop_ns)
    if resumed_ns is None or base_mib_per_second <= 0:
        return dict.fromkeys(KEYS)
    grain_ms = window["grain_ms"]
    first = max(0, int((resumed_ns - window["series_start_ns"]) // (grain_ms * 1_000_000)))
    # The last bin was still being filled when the guest reported.
    after = window["series_mib"][first:-1]
    if not after:
        return dict.fromkeys(KEYS)
    base_mib = base_mib_per_second * grain_ms / 1000
    bins, ended = _slow_bins(after, base_mib, max(1, SMOOTHING_MS // grain_ms))
    missing_mib = sum(base_mib - done for done in after[:bins])
    return {
        "brownout_ms": bins * grain_ms,
        "brownout_area_mib": round(max(0.0, missing_mib), 3),
        "brownout_ended": ended,
    }


def _slow_bins(after: Sequence[float], base_mib: float, width: int) -> tuple[int, bool]:
    """Return how many bins pass until the work is back for good, and whether it is at the end.

    The work counts as back after the last stretch of width bins that did less than its share.
    """
    needed_mib = RECOVERED_SHARE * base_mib * width
    slow = [end for end in range(width, len(after) + 1) if sum(after[end - width : end]) < needed_mib]
    if not slow:
        return 0, True
    # Within the last slow stretch, the work was back after its last slow bin.
    last = slow[-1]
    while last > slow[-1] - width and after[last - 1] >= RECOVERED_SHARE * base_mib:
        last -= 1
    return last, slow[-1] < len(after)
