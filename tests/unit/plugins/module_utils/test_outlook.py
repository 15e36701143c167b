# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan expects of a cell: certain far from the edge, a probability near it, the same each time."""

from __future__ import annotations

from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._models import predict
from ansible_collections.stsm.live_migration.plugins.module_utils._outlook import outlook
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import scenario


def asked(strategy: str, rate: float, **top: Any) -> Scenario:
    return Scenario.from_dict(scenario(strategy, rate, **top))


def test_far_from_the_edge_the_outlook_is_certain() -> None:
    below, above = outlook(asked("pre-copy", 0.25)), outlook(asked("pre-copy", 1.6))
    assert below is not None and above is not None
    assert (below.probability, above.probability) == (1, 0)
    assert above.total_ms is None and above.downtime_ms is None
    told = predict(asked("pre-copy", 0.25))
    assert told is not None and below.total_ms is not None
    assert below.total_ms.low < told.total_time_ms < below.total_ms.high < 1.6 * below.total_ms.low


def test_near_the_edge_it_is_a_probability() -> None:
    seen = set()
    for rate in (0.80, 0.84, 0.88, 0.92, 0.96, 1.0):
        found = outlook(asked("pre-copy", rate, time_limit_seconds=12))
        assert found is not None
        seen.add(found.probability)
    assert any(0.02 < probability < 0.98 for probability in seen)
    assert sorted(seen, reverse=True)[0] > sorted(seen)[0]


def test_the_same_scenario_has_the_same_outlook() -> None:
    assert outlook(asked("hybrid", 0.9)) == outlook(asked("hybrid", 0.9))


def test_of_a_sites_own_guest_nothing_is_expected() -> None:
    own = scenario("pre-copy", 0.5)
    own["guest"] = {"domain": "web-1"}
    del own["workload"]
    assert outlook(Scenario.from_dict(own)) is None
