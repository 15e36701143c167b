# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stopping rule stops when it says, and its intervals hold as often as is told of them."""

from __future__ import annotations

import random
from statistics import median
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Stopping
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import median_interval
from ansible_collections.stsm.live_migration.plugins.module_utils._stopping import StoppingRule, coverage, sentence

RULE = Stopping("total_time_ms", 0.05)


def run(total_time_ms: float | None, valid: bool = True) -> list[dict[str, Any]]:
    """Return the records of one run, as far as the rule looks at them."""
    outcome = "not_converged" if total_time_ms is None else "completed"
    summary = {"total_time_ms": total_time_ms}
    return [{"run_id": "r", "group_id": None, "valid": valid, "outcome": outcome, "summary": summary}]


def fed(*times: float | None, valid: bool = True) -> bool:
    rule = StoppingRule(RULE, 6)
    for time in times:
        rule.feed("cell", run(time, valid))
    return rule.is_enough("cell")


@pytest.mark.parametrize(
    ("times", "is_enough"),
    [
        ((), False),
        ((100, 101, 102, 99, 98), False),
        ((100, 101, 102, 99, 98, 100), True),
        # Within 5 % of the median, but for one of six.
        ((100, 101, 102, 99, 98, 120), False),
        # An outlier among nine runs is outside of the interval.
        ((100, 101, 102, 99, 98, 100, 120, 101, 100), True),
        ((None,) * 5, False),
        ((None,) * 6, True),
        # Here the probability is what is not known.
        ((100, 101, 102, 99, 98, 100, None), False),
    ],
)
def test_a_cell_is_known_well_enough(times: tuple[float | None, ...], is_enough: bool) -> None:
    assert fed(*times) is is_enough


def test_runs_that_are_not_valid_show_nothing() -> None:
    assert not fed(*(100,) * 9, valid=False)


def test_cells_are_told_apart() -> None:
    rule = StoppingRule(RULE, 6)
    for _run in range(6):
        rule.feed("one", run(100))
    assert rule.is_enough("one") and not rule.is_enough("other")


def test_without_scipy_the_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_statistics, "stats", None)
    with pytest.raises(ScenarioError, match="stopping needs the Python library scipy on the observer"):
        StoppingRule(RULE, 6)


def test_what_is_told_of_the_coverage_is_what_campaigns_show() -> None:
    """Campaigns made run by run, with the rule itself, at noises around the width that is asked for."""
    told = coverage(RULE.relative_half_width, 6, 20)
    assert told is not None and 0.90 < told < 0.96
    for noise in (0.04, 0.08):
        chance = random.Random(4)
        held, cells = 0, 400
        for _cell in range(cells):
            rule, times = StoppingRule(RULE, 6), []
            while len(times) < 20 and not rule.is_enough("cell"):
                times.append(100 * chance.lognormvariate(0, noise))
                rule.feed("cell", run(times[-1]))
            interval = median_interval(sorted(times))
            assert interval is not None and interval[0] <= median(times) <= interval[1]
            held += interval[0] <= 100 <= interval[1]
        # Two standard deviations of a share of so many cells.
        assert held / cells > told - 0.025


def test_the_rule_is_told_with_what_it_costs() -> None:
    told = sentence(RULE, 6, 20)
    assert "within 5.0% of the median, from 6 runs on and at most 20 times." in told
    assert "of simulated cells" in told
