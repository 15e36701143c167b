# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statistics keep what they promise, against tables of the literature and against samples whose truth is known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.stsm.live_migration.plugins.module_utils import _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Spread, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import (
    median_interval,
    proportion_interval,
    shift,
)


def coverage(runs: int, low: int, high: int) -> float:
    """How sure it is that the median lies between two of the sorted values: a fair coin for each value's side."""
    return sum(math.comb(runs, below) for below in range(low + 1, high + 1)) / (1 << runs)


def test_below_six_runs_the_range_from_six_on_the_interval() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
    assert spread([]) is None
    assert spread(range(6)) == Spread(2.5, 0, 5, 6, is_interval=True)
    # Nine runs with an outlier: the second smallest and largest hold the median with 96.1 %.
    assert spread([22, 24, 25, 26, 28, 30, 31, 32, 383]) == Spread(28, 24, 32, 9, is_interval=True)


@pytest.mark.parametrize("runs", range(6, 80))
def test_the_interval_of_the_median_is_the_narrowest_that_holds(runs: int) -> None:
    found = median_interval(range(runs))
    assert found is not None
    low, high = map(int, found)
    assert high == runs - 1 - low
    assert coverage(runs, low, high) >= 0.95 > coverage(runs, low + 1, high - 1)


# The limits are those of Wilson's formula, worked out apart.
@pytest.mark.parametrize(
    ("successes", "runs", "low", "high"), [(4, 6, 0.3000, 0.9032), (0, 6, 0.0, 0.3903), (6, 6, 0.6097, 1.0)]
)
def test_a_probability_has_an_interval(successes: int, runs: int, low: float, high: float) -> None:
    assert proportion_interval(successes, runs) == pytest.approx((low, high), abs=1e-4)
    assert proportion_interval(0, 0) is None


def test_a_shift_is_what_tables_say() -> None:
    found = shift([1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16.5])
    assert found is not None
    # Of two samples of six, the sixth smallest and largest of all 36 differences hold the shift.
    assert (found.centre, found.low, found.high, found.dominance) == (10.0, 7.0, 13.0, 1.0)
    assert found.is_told_apart
    alike = shift([1, 2, 3, 4, 5, 6], [1.5, 2.5, 3.5, 4.5, 0.5, 6.5])
    assert alike is not None and not alike.is_told_apart
    assert shift([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]) is None


def test_the_interval_of_a_shift_holds_as_often_as_it_says() -> None:
    chance = random.Random(7)
    held = 0
    for _round in range(400):
        one = [chance.lognormvariate(0, 1) for _run in range(7)]
        found = shift(one, [chance.lognormvariate(0, 1) + 1 for _run in range(9)])
        assert found is not None
        held += found.low <= 1 <= found.high
    assert held / 400 > 0.92


@given(
    one=some.lists(some.floats(-1e3, 1e3), min_size=6, max_size=12),
    other=some.lists(some.floats(-1e3, 1e3), min_size=6, max_size=12),
)
def test_a_shift_turns_round_with_its_samples(one: list[float], other: list[float]) -> None:
    samples = (one, other)
    there, back = shift(*samples), shift(*reversed(samples))
    assert there is not None and back is not None
    assert there.centre == pytest.approx(-back.centre)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.dominance == pytest.approx(-back.dominance)
    assert there.low <= there.centre <= there.high


def test_without_scipy_there_are_points_and_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_statistics, "stats", None)
    assert _statistics.missing() == "scipy"
    assert spread(range(9)) == Spread(4, 0, 8, 9, is_interval=False)
    assert proportion_interval(4, 6) is None
    assert shift(range(6), range(6)) is None
