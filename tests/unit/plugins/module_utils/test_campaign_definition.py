# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign may ask, and the sentence for what it may not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError

SHIPPED = sorted((Path(__file__).parents[4] / "roles/campaign/files").glob("*.yml"))

CAMPAIGN: dict[str, Any] = {
    "axes": {"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25, 1.6], "flavor": ["small"]},
    "flavors": {"small": {"memory_mib": 512}},
}


def campaign(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CAMPAIGN), **changes}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_campaign_is_valid_and_says_what_it_is(path: Path) -> None:
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "campaigns" in given:
        assert given["title"] and set(given["campaigns"]) <= {other.stem for other in SHIPPED}
    else:
        assert Definition.from_dict(given).title


def test_quickstart_is_four_strategies_at_three_dirty_rates() -> None:
    once, full = (
        Definition.from_dict(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in SHIPPED
        if path.stem in ("quickstart", "quickstart_full")
    )
    assert (len(once.axes["strategy"]), once.axes["dirty_rate_of_link"]) == (4, [0.25, 0.75, 1.6])
    assert full.axes == once.axes
    assert (once.repetitions, full.repetitions) == (1, 6)


def test_reading_what_was_written_gives_the_same_campaign() -> None:
    given = campaign(
        time_limits=[{"when": {"strategy": "pre-copy"}, "seconds": 5}], exclude=[{"strategy": "hybrid"}], seed=7
    )
    definition = Definition.from_dict(given)
    assert Definition.from_dict(definition.to_dict()) == definition


def test_the_axes_order_does_not_depend_on_how_they_were_written() -> None:
    axes = CAMPAIGN["axes"]
    backwards = Definition.from_dict(campaign(axes=dict(reversed(axes.items()))))
    assert list(backwards.axes) == ["flavor", "strategy", "dirty_rate_of_link"]


def test_the_last_time_limit_that_matches_counts() -> None:
    definition = Definition.from_dict(
        campaign(
            time_limit_seconds=20,
            time_limits=[
                {"when": {"strategy": "pre-copy"}, "seconds": 10},
                {"when": {"strategy": "pre-copy", "dirty_rate_of_link": 1.6}, "seconds": 5},
            ],
        )
    )
    assert definition.time_limit_of({"strategy": "hybrid", "dirty_rate_of_link": 1.6}) == 20
    assert definition.time_limit_of({"strategy": "pre-copy", "dirty_rate_of_link": 0.25}) == 10
    assert definition.time_limit_of({"strategy": "pre-copy", "dirty_rate_of_link": 1.6}) == 5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "The campaign is a list, but must be a mapping"),
        (campaign(repetition=3), "repetition is not known (did you mean 'repetitions'?); the campaign has the keys"),
        (campaign(axes={"strateg": ["hybrid"]}), "axes.strateg is not known (did you mean 'strategy'?)"),
        (campaign(axes={"dirty_rate_of_link": [1]}), "axes.strategy is missing"),
        (campaign(axes={"strategy": []}), "axes.strategy is a list, but must be a list of at least one value."),
        (campaign(axes={"strategy": "hybrid"}), "axes.strategy is the text 'hybrid', but must be a list"),
        (campaign(axes={"strategy": ["hybrid", "hybrid"]}), "axes.strategy has the text 'hybrid' twice"),
        (
            campaign(axes={"strategy": ["hybrid"], "flavor": ["smal"]}),
            "axes.flavor has the text 'smal', which flavors does not explain (did you mean 'small'?)",
        ),
        (campaign(flavors={"small": 512}), "flavors.small is 512, but must be a mapping."),
        (campaign(repetitions=0), "repetitions is 0, but must be a whole number"),
        (campaign(seed=-1), "seed is -1, but must be a whole number of at least 0."),
        (campaign(warm_up_seconds=3), "warm_up_seconds is 3, but must be a number above 0 and at most 2."),
        (campaign(budget_minutes=0), "budget_minutes is 0, but must be a number above 0."),
        (campaign(exclude=[{}]), "exclude[0] selects nothing"),
        (campaign(exclude=[{"pattern": "random"}]), "exclude[0].pattern is not known"),
        (
            campaign(exclude=[{"dirty_rate_of_link": 2}]),
            "exclude[0].dirty_rate_of_link is 2, which is no value of axes",
        ),
        (campaign(exclude={"strategy": "hybrid"}), "exclude is a mapping, but must be a list."),
        (campaign(time_limits=[{"when": {"strategy": "hybrid"}}]), "time_limits[0].seconds is missing"),
        (campaign(verdict={"tolerance": 2}), "verdict.tolerance is 2, but must be a number above 0 and at most 1."),
        (campaign(when_a_host_is_lost="panic"), "when_a_host_is_lost is 'panic', which is not known"),
        (campaign(scenario=[]), "scenario is a list, but must be a mapping."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        Definition.from_dict(given)
    assert sentence in str(refusal.value)
