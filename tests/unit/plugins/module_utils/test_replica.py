# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scaled replica keeps the dimensionless point, says what it is everywhere, and is never taken for the real size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import (
    PlannedRun,
    Refused,
    blocks,
    planned,
    refused,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import cell_name
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario, mib_per_second
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text, text_table
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._synthetic import SITE, run_of

AXES = {
    "strategy": ["hybrid"],
    "dirty_rate_of_link": [0.75],
    "link_rate_mbit_per_second": [10000],
    "flavor": ["xl"],
}
FAST = {**SITE, "link": {"rate_mbit_per_second": 10000.0}}


def one(site: dict[str, Any], **changes: Any) -> Scenario:
    """Return the only scenario of the experiment at a site."""
    scenario = {"workload": {"pattern": "random", "working_set_of_memory": 0.5}}
    (found,) = planned(Definition.from_dict({"axes": AXES, "scenario": scenario, **changes}), site)
    assert isinstance(found, PlannedRun)
    return found.scenario


@given(some.sampled_from([0.1, 0.25, 0.5, 1.0]), some.sampled_from([0.01, 0.1, 0.5, 1.0]))
def test_the_dimensionless_point_stays(memory_scale: float, rate_scale: float) -> None:
    real = one(FAST)
    small = one({**FAST, "replica": {"memory_scale": memory_scale, "rate_scale": rate_scale}})
    assert real.workload and small.workload
    assert small.dirty_rate_of_link == pytest.approx(real.dirty_rate_of_link)
    shares = [s.workload.working_set_mib / s.guest.memory_mib for s in (real, small)]  # type: ignore[union-attr]
    assert shares[1] == pytest.approx(shares[0], rel=1e-3)
    passed = [
        s.strategy.downtime_limit_ms * mib_per_second(s.link.rate_mbit_per_second) / s.guest.memory_mib  # type: ignore[union-attr]
        for s in (real, small)
    ]
    assert passed[1] == pytest.approx(passed[0], rel=0.02)
    assert small.time_limit_seconds == pytest.approx(max(15, real.time_limit_seconds * memory_scale / rate_scale))
    is_real = (memory_scale, rate_scale) == (1, 1)
    assert (small.replica is None, small.hash == real.hash) == (is_real, is_real)


def test_a_scenario_of_the_real_size_says_nothing_of_replicas() -> None:
    """So that scenarios from before there were any keep their hash."""
    assert "replica" not in one(FAST).to_dict()
    small = one({**FAST, "replica": {"rate_scale": 0.1}})
    assert Scenario.from_dict(small.to_dict()) == small


def test_even_where_all_runs_are_replicas_each_is_named_so() -> None:
    replica = {"memory_scale": 0.25, "rate_scale": 0.1}
    records = [run_of(one({**SITE, "replica": replica}), {"total_time_ms": 9000})]
    (cell,) = cells(records)
    words = "scaled replica (memory x 0.25, rates x 0.1)"
    assert cell.label == words
    assert "scaled replica" in cell_name(cell).replace("\n", " ")
    assert words in text_table(records)[2]
    names, figures = (line.split(",") for line in csv_text(records).splitlines())
    assert {"memory_scale": "0.25", "rate_scale": "0.1"}.items() <= dict(zip(names, figures, strict=True)).items()


def test_replicas_and_the_real_size_are_different_cells() -> None:
    slow = one(SITE | {"replica": {"rate_scale": 0.1}})
    real = one(SITE, axes={**AXES, "link_rate_mbit_per_second": [1000]})
    assert slow.link == real.link
    assert len(cells([run_of(slow, {}), run_of(real, {})])) == 2


def test_a_link_that_is_too_slow_says_which_scale_would_do() -> None:
    definition = Definition.from_dict({"axes": AXES, "when_a_cell_cannot_run": "leave-out"})
    (left_out,) = refused(definition, SITE)
    assert isinstance(left_out, Refused)
    assert left_out.name == "hybrid, flavor xl, link_rate_mbit_per_second 10000, dirty_rate_of_link 0.75"
    assert left_out.reason.endswith("make a scaled replica (replica.rate_scale of at most 0.1 in the site's settings).")
    assert blocks(definition, SITE) == []


def test_a_cell_that_a_replica_makes_too_small_is_refused_by_name() -> None:
    definition = Definition.from_dict({"axes": {**AXES, "flavor": ["t"]}, "when_a_cell_cannot_run": "leave-out"})
    (left_out,) = refused(definition, {**FAST, "replica": {"memory_scale": 0.1}})
    assert left_out.reason == "guest.memory_mib is 51, but must be a whole number of at least 128."


def test_a_scale_is_a_share() -> None:
    with pytest.raises(ScenarioError, match=r"replica\.rate_scale is 2, but must be a number above 0 and at most 1"):
        one({**FAST, "replica": {"rate_scale": 2}})
