# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a number of runs can show at all: the smallest difference that would be detected, and the runs that it takes."""

from __future__ import annotations

import math

from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import CONFIDENCE, Ratio, Shift, missing

try:
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]
except ImportError:
    stats = None

# How surely a difference is to be found that is there.
POWER = 0.8


def detectable_shift(found: Shift, runs: int, confidence: float = CONFIDENCE) -> float | None:
    """Return the smallest shift that as many such runs (of both cells) tell apart in about four of five campaigns.

    A shift is told apart if its interval does not reach zero. It must so lie half an interval's width away from zero,
    and as much farther as keeps it there in four of five draws. None without SciPy.
    """
    return None if missing() else (found.high - found.low) / 2 * _beyond_half(runs, confidence)


def detectable_ratio(found: Ratio, runs: int, confidence: float = CONFIDENCE) -> float | None:
    """Return the smallest ratio above 1 that is told apart."""
    return None if missing() else math.exp(math.log(found.high / found.low) / 2 * _beyond_half(runs, confidence))


def runs_to_decide(runs: int, half_width: float, distance: float) -> int | None:
    """Return about how many runs would narrow an interval until it no longer holds an edge at this distance.

    Intervals shrink with the root of the runs. None if the centre lies on the edge, which no number of runs resolves.
    """
    if distance <= 0 or not math.isfinite(half_width):
        return None
    return max(runs + 1, math.ceil(runs * (half_width / distance) ** 2))


def _beyond_half(runs: int, confidence: float) -> float:
    """Return how many half widths of an interval a shift must be away from zero."""
    freedom = runs - 2
    edge = stats.t.ppf((1 + confidence) / 2, freedom)
    return float((edge + stats.t.ppf(POWER, freedom)) / edge)
