# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics of few runs with outliers: nothing here assumes a distribution. SciPy does the mathematics.

Without SciPy there are no intervals and no effect sizes, and a report says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Sequence

try:
    import numpy
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]
except ImportError:
    stats = None

# From this many runs on, the smallest and the largest hold the median with 95 % confidence; below, they are a range.
RUNS_FOR_AN_INTERVAL = 6
CONFIDENCE = 0.95

_SEED = 2014


@dataclass(frozen=True)
class Shift:
    """By how much one sample lies above another.

    centre is the median of all differences of two runs (Hodges and Lehmann), low and high hold it with 95 % or the
    confidence that was asked for. dominance (Cliff's delta) is 1 if each run of the one is above each of the other, -1
    if below.
    """

    centre: float
    low: float
    high: float
    dominance: float

    @property
    def is_told_apart(self) -> bool:
        """Whether no difference at all can be ruled out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Ratio:
    """How many times one sample another one is: as Shift, with 1 where they are alike."""

    centre: float
    low: float
    high: float
    dominance: float


def missing() -> str | None:
    """Return the name of the package without which there is no interval, if it is missing."""
    return "scipy" if stats is None else None


def median_interval(ordered: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return the interval of the median of sorted values; None if they are too few (95 % needs six) or without SciPy.

    It is the interval of order statistics: exact whatever the distribution, and never narrower than it says. A
    bootstrap of the median of so few runs promises 95 % and holds less.
    """
    if missing():
        return None
    found = _ranks(len(ordered), confidence)
    return None if found is None else (ordered[found[0]], ordered[found[1]])


@lru_cache(maxsize=None)
def _ranks(count: int, confidence: float) -> tuple[int, int] | None:
    """Return the places of the two sorted values that hold the median; they depend on nothing but the count."""
    # The outermost values hold it unless all runs fall on one side, as a fair coin would.
    if count < 1 or 1 - 2.0 ** (1 - count) < confidence:
        return None
    found = stats.quantile_test(range(count), q=0, p=0.5).confidence_interval(confidence)
    return int(found.low), int(found.high)


def proportion_interval(successes: int, runs: int, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return Wilson's interval of a probability, of which none and all are no certainty; None without SciPy."""
    return None if runs < 1 or missing() else _wilson(successes, runs, confidence)


@lru_cache(maxsize=None)
def _wilson(successes: int, runs: int, confidence: float) -> tuple[float, float]:
    """Return the interval that Wilson's score gives."""
    found = stats.binomtest(successes, runs).proportion_ci(confidence, method="wilson")
    return max(0.0, float(found.low)), min(1.0, float(found.high))


def shift(one: Sequence[float], other: Sequence[float], confidence: float = CONFIDENCE) -> Shift | None:
    """Return by how much the other sample lies above the one; None unless both have six values and SciPy is there.

    The interval holds all shifts that the test of Mann and Whitney does not refute; None, too, if so few runs could
    refute none with this confidence.
    """
    if min(len(one), len(other)) < RUNS_FOR_AN_INTERVAL or missing():
        return None
    cut = _cut(len(one), len(other), confidence)
    if cut is None:
        return None
    differences = numpy.sort(numpy.subtract.outer(other, one), axis=None)
    above = float(stats.mannwhitneyu(other, one).statistic)
    return Shift(
        centre=float(numpy.median(differences)),
        low=float(differences[cut]),
        high=float(differences[-1 - cut]),
        dominance=2 * above / len(differences) - 1,
    )


def ratio(one: Sequence[float], other: Sequence[float], confidence: float = CONFIDENCE) -> Ratio | None:
    """Return how many times the one sample the other is, a shift of logarithms; None, too, for values below zero."""
    if missing() or min((*one, *other), default=0) <= 0:
        return None
    found = shift(numpy.log(one).tolist(), numpy.log(other).tolist(), confidence)
    if found is None:
        return None
    centre, low, high = (math.exp(value) for value in (found.centre, found.low, found.high))
    return Ratio(centre, low, high, found.dominance)


def bootstrap_interval(
    samples: Sequence[Sequence[float]], of_medians: Callable[..., Any], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return the percentile bootstrap's interval of what follows from the samples' medians; None without SciPy.

    It is told beside the exact intervals and decides nothing: of few runs it holds less than it promises. The draws
    are the same each time.
    """
    if missing() or min(map(len, samples)) < 2:
        return None
    found = stats.bootstrap(
        samples,
        lambda *drawn, axis: of_medians(*(numpy.median(sample, axis=axis) for sample in drawn)),
        vectorized=True,
        confidence_level=confidence,
        n_resamples=1999,
        method="percentile",
        random_state=numpy.random.default_rng(_SEED),
    ).confidence_interval
    return float(found.low), float(found.high)


@lru_cache(maxsize=None)
def _cut(one: int, other: int, confidence: float) -> int | None:
    """Return how many of all differences can be left off at either end of what still holds the shift.

    It is the largest number of differences below zero at which the test still refutes that there is no shift; None if
    it does not even where all runs of one sample lie above all of the other.
    """

    def refutes(below: int) -> bool:
        return bool(stats.mannwhitneyu(*_samples(one, other, below)).pvalue <= 1 - confidence)

    if not refutes(0):
        return None
    refuted, kept = 0, one * other // 2
    while kept - refuted > 1:
        tried = (kept + refuted) // 2
        if refutes(tried):
            refuted = tried
        else:
            kept = tried
    return refuted


def _samples(one: int, other: int, below: int) -> tuple[list[float], list[float]]:
    """Return two samples without ties: in exactly so many pairs the value of the other is the lower one."""
    whole, rest = divmod(below, one)
    lower = [-1.0 - place for place in range(whole)]
    between = [float(one - rest)] if whole < other else []
    upper = [one + 1.0 + place for place in range(other - whole - len(between))]
    return [place + 0.5 for place in range(one)], lower + between + upper
