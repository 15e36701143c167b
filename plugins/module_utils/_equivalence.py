# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two samples are the same within a tolerance: two one-sided tests (TOST), which assume no distribution.

That no difference was found proves nothing; equivalence has to be shown, by refuting that the difference is too large
in either direction. SciPy does the tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Verdict
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Success
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import missing, shift

try:
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]
except ImportError:
    stats = None

EQUIVALENT, DIFFERENT, UNDECIDED = "equivalent", "different", "undecided"


@dataclass(frozen=True)
class Equivalence:
    """What two samples say of each other: the one against the other, with the interval that the tests decide by.

    Of figures it is a ratio, of probabilities a difference. why says what keeps it from a decision.
    """

    verdict: str
    centre: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    why: str = ""


def of_figures(one: Sequence[float], other: Sequence[float], asked: Verdict) -> Equivalence:
    """Return whether the one sample is the other times at most 1 + tolerance, and at least 1 / (1 + tolerance)."""
    few = min(len(one), len(other))
    if few < asked.smallest_number_of_runs:
        return Equivalence(UNDECIDED, why=f"{few} of the {asked.smallest_number_of_runs} runs that it takes")
    if missing():
        return Equivalence(UNDECIDED, why=f"it takes {missing()}, which is not installed")
    if min(*one, *other) <= 0:
        return Equivalence(UNDECIDED, why="some of the values are 0, of which there is no ratio")
    risk, margin = 1 - asked.confidence, math.log1p(asked.tolerance)
    here, there = [math.log(value) for value in one], [math.log(value) for value in other]
    lower, upper = [value - margin for value in there], [value + margin for value in there]
    p_value = max(_p_value(here, lower, "greater"), _p_value(here, upper, "less"))
    apart = shift(there, here, 1 - 2 * risk)
    if apart is None:
        return Equivalence(UNDECIDED, why="too few runs for an interval")
    beyond = min(_p_value(here, upper, "greater"), _p_value(here, lower, "less"))
    verdict = EQUIVALENT if p_value <= risk else DIFFERENT if beyond <= risk else UNDECIDED
    centre, low, high = map(math.exp, (apart.centre, apart.low, apart.high))
    why = "" if verdict != UNDECIDED else "the interval reaches beyond the tolerance and into it"
    return Equivalence(verdict, centre, low, high, p_value, why)


def of_probabilities(one: Success | None, other: Success | None, asked: Verdict) -> Equivalence:
    """Return whether two probabilities differ by at most the tolerance; the interval is Newcombe's, of Wilson's two."""
    if one is None or other is None or None in (one.low, one.high, other.low, other.high):
        return Equivalence(UNDECIDED, why="no run that counts" if one is None or other is None else "no interval")
    few = min(one.runs, other.runs)
    if few < asked.smallest_number_of_runs:
        return Equivalence(UNDECIDED, why=f"{few} of the {asked.smallest_number_of_runs} runs that it takes")
    centre = one.share - other.share
    low = centre - math.hypot(one.share - (one.low or 0.0), (other.high or 0.0) - other.share)
    high = centre + math.hypot((one.high or 0.0) - one.share, other.share - (other.low or 0.0))
    if -asked.tolerance <= low and high <= asked.tolerance:
        return Equivalence(EQUIVALENT, centre, low, high)
    if low > asked.tolerance or high < -asked.tolerance:
        return Equivalence(DIFFERENT, centre, low, high)
    return Equivalence(UNDECIDED, centre, low, high, why="the interval reaches beyond the tolerance and into it")


def _p_value(one: Sequence[float], other: Sequence[float], alternative: str) -> float:
    """Return how likely the one sample would be if it did not lie on that side of the other (Mann and Whitney)."""
    return float(stats.mannwhitneyu(one, other, alternative=alternative).pvalue)
