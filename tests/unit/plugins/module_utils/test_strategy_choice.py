# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario may choose of a strategy, and what is refused in one sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import Switch


def asked(strategy: dict[str, Any]) -> dict[str, Any]:
    """A scenario with this strategy."""
    return {
        "workload": {"dirty_rate_mib_per_second": 30},
        "link": {"rate_mbit_per_second": 1000},
        "strategy": strategy,
    }


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_can_be_asked_for_by_its_name_alone(name: str) -> None:
    scenario = Scenario.from_dict(asked({"name": name}))
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert scenario.strategy.switch.kind == STRATEGIES[name].switch
    assert scenario.strategy.options == STRATEGIES[name].defaults


def test_what_is_chosen_of_a_strategy_is_part_of_the_scenario() -> None:
    choice = {"name": "multifd-hybrid", "channels": 4, "switch": {"kind": "at-stall", "number": 2}, "recovers": True}
    scenario = Scenario.from_dict(asked(choice))
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert scenario.strategy.switch == Switch("at-stall", 2.0)
    assert scenario.strategy.options == {"channels": 4}
    assert scenario.hash != Scenario.from_dict(asked({**choice, "channels": 2})).hash
    # A default that is given is no other scenario.
    one, other = ({"name": "multifd"}, {"name": "multifd", "channels": 2})
    assert Scenario.from_dict(asked(one)).hash == Scenario.from_dict(asked(other)).hash


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"name": "hybrid", "channels": 2}, "strategy.channels is given, but hybrid has no such choice: leave it out"),
        (
            {"name": "pre-copy", "switch": {"kind": "at-once"}},
            "strategy.switch is given, but pre-copy has no post-copy",
        ),
        ({"name": "post-copy", "switch": {"kind": "at-once"}}, "post-copy switches at once: leave it out or choose"),
        ({"name": "hybrid", "switch": {"kind": "at-once", "number": 1}}, "strategy.switch.number is given, but"),
        ({"name": "hybrid", "switch": {"kind": "after-passes"}}, "strategy.switch.number is missing"),
        ({"name": "hybrid", "switch": {"kind": "after-passes", "number": 1.5}}, "must be a whole number of at least 1"),
        ({"name": "hybrid", "switch": {"kind": "at-stall", "number": 0}}, "must be a number above 0"),
        ({"name": "hybrid", "switch": "at-once"}, "strategy.switch is the text 'at-once', but must be a mapping"),
        ({"name": "xbzrle", "xbzrle_cache_mib": 48}, "strategy.xbzrle_cache_mib is 48, but must be a power of two"),
        ({"name": "multifd", "channels": 256}, "must be a whole number of at least 1 and at most 255"),
    ],
)
def test_a_choice_that_a_strategy_does_not_offer_is_refused(choice: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(words)):
        Scenario.from_dict(asked(choice))
