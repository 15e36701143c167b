# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a campaign's runs: randomised in blocks, complete, the same each time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import blocks, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError

SITE = {"link": {"rate_mbit_per_second": 1000, "mtu": 9000}, "guest": {"accelerator": "kvm", "memory_mib": 1024}}


def define(axes: dict[str, Any], **settings: Any) -> Definition:
    flavors = {"small": {"memory_mib": 512}, "large": {"memory_mib": 2048}}
    loads = {"none": {}, "busy": {"cpu_percent": 50}}
    return Definition.from_dict({"axes": axes, "flavors": flavors, "background_loads": loads, **settings})


AXES = {"strategy": ["pre-copy", "hybrid", "post-copy"], "dirty_rate_of_link": [0.25, 1.6], "guests": [1, 2]}


@given(some.integers(0, 2**32), some.integers(1, 7))
def test_every_repetition_has_every_cell_once_and_no_block_mixes_guests(seed: int, repetitions: int) -> None:
    definition = define(AXES, seed=seed, repetitions=repetitions)
    planned = blocks(definition, SITE)
    runs = Counter((run.name, run.scenario.repetition) for block in planned for run in block.runs)
    assert set(runs.values()) == {1}
    assert len(runs) == len(cells(definition)) * repetitions == 12 * repetitions
    for block in planned:
        assert len({run.scenario.guests for run in block.runs}) == 1
        assert {run.scenario.repetition for run in block.runs} == {block.repetition}
    assert [block.repetition for block in planned] == sorted(block.repetition for block in planned)


def test_the_order_is_that_of_the_seed() -> None:
    def names(seed: int) -> list[str]:
        return [run.name for block in blocks(define(AXES, seed=seed, repetitions=2), SITE) for run in block.runs]

    assert names(1) == names(1)
    assert names(1) != names(2)
    first, second = names(1)[:12], names(1)[12:]
    assert first != second
    # Written down once, so that a campaign that was begun with an older version goes on in its order.
    assert first[:2] == ["post-copy, guests 2, dirty_rate_of_link 0.25", "pre-copy, guests 2, dirty_rate_of_link 0.25"]


def test_more_repetitions_leave_the_order_of_the_first_ones() -> None:
    few, many = (blocks(define(AXES, repetitions=number), SITE) for number in (2, 5))
    assert many[: len(few)] == few


def test_axes_count_more_than_the_campaign_and_that_more_than_the_site() -> None:
    definition = define(
        {"strategy": ["hybrid"], "flavor": ["small", "large"], "background_load": ["none", "busy"]},
        scenario={"guest": {"cpu_model": "host", "memory_mib": 256}, "workload": {"dirty_rate_mib_per_second": 10}},
        time_limit_seconds=33,
    )
    found = {run.name: run.scenario for block in blocks(definition, SITE) for run in block.runs}
    small = found["hybrid, flavor small, background_load busy"]
    assert (small.guest.accelerator, small.guest.cpu_model, small.guest.memory_mib) == ("kvm", "host", 512)
    assert (small.link.mtu, small.time_limit_seconds, small.background.cpu_percent) == (9000, 33, 50)
    assert found["hybrid, flavor large, background_load none"].background.cpu_percent == 0


def test_an_excluded_cell_is_not_run() -> None:
    definition = define(AXES, exclude=[{"strategy": "pre-copy", "dirty_rate_of_link": 1.6}])
    names = [run.name for block in blocks(definition, SITE) for run in block.runs]
    assert len(names) == 10
    assert not any("pre-copy" in name and "1.6" in name for name in names)


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (define(AXES, exclude=[{"strategy": "hybrid"}]), "exclude leaves no run with strategy hybrid"),
        (
            define({"strategy": ["hybrid"], "working_set_mib": [64, 4096], "dirty_rate_of_link": [1]}),
            "The campaign cannot measure strategy hybrid, dirty_rate_of_link 1, working_set_mib 4096: workload.",
        ),
        (
            define({"strategy": ["hybrid"], "dirty_rate_of_link": [1], "dirty_rate_mib_per_second": [5]}),
            "so is workload.dirty_rate_mib_per_second, which says the same thing",
        ),
        (
            define({"strategy": ["teleport"], "dirty_rate_of_link": [1]}),
            "strategy.name is 'teleport', which is not known",
        ),
        (define({"strategy": ["hybrid"]}), "workload.dirty_rate_mib_per_second is missing"),
        (
            define({"strategy": ["hybrid"], "dirty_rate_of_link": [1]}, scenario={"gust": {}}),
            "gust is not known (did you mean 'guest'?)",
        ),
    ],
)
def test_an_impossible_cell_is_named_before_the_first_run(definition: Definition, sentence: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        blocks(definition, SITE)
    assert sentence in str(refusal.value)
