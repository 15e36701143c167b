# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault that is asked for can strike, or is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._validators import validate
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import observation

CUT = {"kind": "link-cut", "at": "post-copy", "seconds": 3}


def asked(fault: Any, **strategy: Any) -> Scenario:
    return Scenario.from_dict(
        {
            "workload": {"working_set_mib": 64, "dirty_rate_mib_per_second": 1},
            "link": {"rate_mbit_per_second": 1000},
            "strategy": {"name": "hybrid", **strategy},
            "fault": fault,
        }
    )


def test_a_scenario_keeps_its_fault_and_is_another_one_for_it() -> None:
    scenario = asked(CUT)
    assert scenario.to_dict()["fault"] == CUT
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert scenario.hash != asked({**CUT, "seconds": 4}).hash != asked(None).hash


@pytest.mark.parametrize("none", [None, {}])
def test_no_fault_makes_no_difference(none: Any) -> None:
    assert "fault" not in asked(none).to_dict()


@pytest.mark.parametrize(
    ("fault", "strategy", "words"),
    [
        ({"kind": "link-cut", "at": "post-copy"}, {}, "fault.seconds is missing; it must be a number above 0"),
        ({**CUT, "seconds": 600}, {}, "fault.seconds is 600, but must be a number above 0 and at most 120"),
        ({**CUT, "kind": "cut"}, {}, "fault.kind is 'cut', which is not known"),
        ({**CUT, "at": "recovery"}, {}, "fault.at is 'recovery', but nothing is recovered: set strategy.recovers"),
        (CUT, {"name": "pre-copy"}, "fault.at is 'post-copy', but pre-copy has no post-copy: set it to pre-copy."),
        ({**CUT, "at": "pre-copy"}, {"name": "post-copy"}, "fault.at is 'pre-copy', but post-copy has none"),
        ({"kind": "source-killed", "at": "post-copy", "seconds": 1}, {}, "fault.seconds is given, but fault.kind is"),
        (
            {"kind": "source-killed", "at": "recovery"},
            {"recovers": True},
            "fault.at is 'recovery', but what is source-killed cannot be recovered",
        ),
    ],
)
def test_what_cannot_strike_is_refused(fault: Any, strategy: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        asked(fault, **strategy)
    assert str(caught.value).startswith(words)


def test_a_run_with_a_fault_is_not_judged_by_what_the_fault_prevents() -> None:
    seen = observation()
    (_valid, findings) = validate({**seen, "scenario": {**seen["scenario"], "fault": CUT}})
    skipped = {finding.name for finding in findings if finding.sentence.startswith("A fault was asked for")}
    assert skipped == {"vantage_points", "throughput_identity", "latency_histogram"}
    assert all(finding.passed is None for finding in findings if finding.name in skipped)
    assert not any("A fault" in finding.sentence for finding in validate(seen)[1])
