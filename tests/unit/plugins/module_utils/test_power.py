# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is called detectable is detected in about four of five campaigns, and what is less is not promised."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._power import (
    detectable_ratio,
    detectable_shift,
    runs_to_decide,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import (
    Shift,
    bootstrap_interval,
    ratio,
    shift,
)


def told_apart(chance: random.Random, runs: int, by: float) -> Shift:
    """Return what two cells of normal runs show whose truth lies so far apart."""
    one, other = ([chance.gauss(centre, 1) for _run in range(runs)] for centre in (0, by))
    found = shift(one, other)
    assert found is not None
    return found


@pytest.mark.parametrize("runs", [6, 10, 20])
def test_a_detectable_shift_is_detected(runs: int) -> None:
    chance = random.Random(runs)
    promised = [detectable_shift(told_apart(chance, runs, 0), 2 * runs) for _campaign in range(100)]
    by = median(found for found in promised if found is not None)
    rounds = 300
    seen = sum(told_apart(chance, runs, by).is_told_apart for _campaign in range(rounds)) / rounds
    less = sum(told_apart(chance, runs, by / 2).is_told_apart for _campaign in range(rounds)) / rounds
    assert 0.68 < seen < 0.90
    assert less < 0.5


def test_a_detectable_ratio_is_a_detectable_shift_of_logarithms() -> None:
    one, other = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2.0, 4.0, 6.0, 8.0, 10.0, 12.5]
    times, apart = ratio(one, other), shift([math.log(v) for v in one], [math.log(v) for v in other])
    assert times is not None and apart is not None
    found, logarithm = detectable_ratio(times, 12), detectable_shift(apart, 12)
    assert found is not None and logarithm is not None
    assert found == pytest.approx(math.exp(logarithm))


@pytest.mark.parametrize(
    ("runs", "half_width", "distance", "needed"), [(8, 2.0, 1.0, 32), (8, 0.5, 1.0, 9), (8, 1.0, 0.0, None)]
)
def test_how_many_runs_would_tell(runs: int, half_width: float, distance: float, needed: int | None) -> None:
    assert runs_to_decide(runs, half_width, distance) == needed


def test_the_bootstrap_of_few_runs_holds_less_than_it_promises() -> None:
    """The reason why it decides nothing; the exact interval holds at least 95 %."""
    chance = random.Random(3)
    held, rounds = 0, 200
    for _round in range(rounds):
        found = bootstrap_interval([[chance.lognormvariate(0, 1) for _run in range(7)]], lambda centre: centre)
        assert found is not None
        held += found[0] <= 1 <= found[1]
    assert 0.80 < held / rounds < 0.93
    assert bootstrap_interval([[1.0]], lambda centre: centre) is None
