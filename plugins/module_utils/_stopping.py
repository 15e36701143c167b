# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a cell has been measured often enough: its median is known narrowly, or all repetitions are made.

To stop as soon as an interval is narrow is to prefer intervals that are narrow by chance, so they hold the truth a
little less often than they say. How much less is simulated and told, not assumed to be nothing.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import median
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Stopping
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import independent
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment,unused-ignore]

# The simulated cells: their runs' noise as multiples of the width asked for, from always narrow to never.
_NOISES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
_SIMULATED_CELLS = 4000
_SEED = 2014


class StoppingRule:
    """The rule of a campaign, and what its cells' runs have shown so far; a cell is known by a key of the caller's."""

    def __init__(self, rule: Stopping, smallest_number_of_runs: int) -> None:
        if _statistics.missing():
            raise ScenarioError(
                f"stopping needs the Python library {_statistics.missing()} on the observer: install it (pip install"
                f" {_statistics.missing()}), or leave stopping out and make all repetitions."
            )
        self._rule = rule
        self._smallest = smallest_number_of_runs
        self._values: dict[Any, list[float]] = {}
        self._unmoved: dict[Any, int] = {}

    def feed(self, key: Any, records: Sequence[Mapping[str, Any]]) -> None:
        """Take in the records of one run (of guests that moved at once); one that is not valid shows nothing."""
        if not all(record["valid"] for record in records):
            return
        moved = [record for record in records if record["outcome"] in ("completed", "recovered")]
        if len(moved) < len(records):
            self._unmoved[key] = self._unmoved.get(key, 0) + 1
        self._values.setdefault(key, []).extend(independent(moved, lambda record: record["summary"][self._rule.figure]))

    def is_enough(self, key: Any) -> bool:
        """Whether a cell needs no more runs.

        One whose guest moved in some runs and not in others is measured to the end: there it is the probability that
        is not known.
        """
        values, unmoved = self._values.get(key, []), self._unmoved.get(key, 0)
        if unmoved:
            return not values and unmoved >= self._smallest
        if len(values) < self._smallest:
            return False
        interval = _statistics.median_interval(sorted(values))
        centre = median(values)
        return interval is not None and interval[1] - interval[0] <= 2 * self._rule.relative_half_width * abs(centre)


def sentence(rule: Stopping, smallest: int, largest: int) -> str:
    """Return what the rule is and what it costs, for a report."""
    words = (
        f"A cell was measured until the 95 % interval of its {rule.figure} was within"
        f" {rule.relative_half_width:.1%} of the median, from {smallest} runs on and at most {largest} times."
    )
    held = coverage(rule.relative_half_width, smallest, largest)
    if held is None:
        return words
    return (
        f"{words} Intervals that such a rule has ended held the median in {held:.1%} of simulated cells, at the noise"
        " where that was worst; 95 % is what they say."
    )


@lru_cache(maxsize=None)
def coverage(relative_half_width: float, smallest: int, largest: int) -> float | None:
    """Return how often intervals that this rule has ended hold the median, at the noise where that is least often.

    Simulated with log-normal runs; None without SciPy and NumPy.
    """
    if numpy is None or _statistics.missing():
        return None
    draws = numpy.random.default_rng(_SEED).standard_normal((_SIMULATED_CELLS, largest))
    return min(_coverage_at(relative_half_width, smallest, numpy.exp(n * relative_half_width * draws)) for n in _NOISES)


def _coverage_at(relative_half_width: float, smallest: int, runs: Any) -> float:
    """Return the share of simulated cells (a row of runs each, whose true median is 1) that the last interval holds."""
    largest = runs.shape[1]
    is_open = numpy.ones(len(runs), dtype=bool)
    held = numpy.zeros(len(runs), dtype=bool)
    for made in range(smallest, largest + 1):
        ordered = numpy.sort(runs[:, :made], axis=1)
        places = _statistics.median_interval(range(made))
        if places is None:
            continue
        low, high = (ordered[:, int(place)] for place in places)
        ends = is_open & ((high - low <= 2 * relative_half_width * numpy.median(ordered, axis=1)) | (made == largest))
        held[ends] = ((low <= 1) & (high >= 1))[ends]
        is_open &= ~ends
    return float(held.mean())
