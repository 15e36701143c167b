# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault that is asked for can strike, or is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _validators_run as run
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


def with_events(fault: dict[str, Any], *states: str) -> dict[str, Any]:
    """A good run's observation with a fault that was asked for and what was told of it."""
    seen = observation()
    kind = "link-cut" if "seconds" in fault else "kill"
    told = [
        {
            "host": "source",
            "event": "STSM_FAULT",
            "at_ns": 1,
            "data": {"kind": kind, "state": state, "reason": "no nft."},
        }
        for state in states
    ]
    return {**seen, "scenario": {**seen["scenario"], "fault": fault}, "events": [*seen["events"], *told]}


@pytest.mark.parametrize(
    ("at", "states", "passed", "words"),
    [
        ("post-copy", ("begun", "over"), True, "struck 1 of 1 times."),
        ("post-copy", (), False, "struck 0 of 1 times."),
        ("post-copy", ("failed",), False, "struck 0 of 1 times (no nft)."),
        ("recovery", ("begun", "over"), False, "struck 1 of 2 times."),
        ("recovery", ("begun", "over") * 2, True, "struck 2 of 2 times."),
    ],
)
def test_a_fault_that_did_not_strike_makes_the_run_invalid(
    at: str, states: tuple[str, ...], passed: bool, words: str
) -> None:
    finding = run.fault_struck(with_events({**CUT, "at": at}, *states))
    assert (finding.passed, finding.sentence) == (passed, f"The fault link-cut at {at} {words}")


def test_the_fate_of_a_guest_that_was_to_lose_its_qemu_is_a_measurement() -> None:
    fault = {"kind": "source-killed", "at": "post-copy"}
    lost = {**with_events(fault, "begun"), "guest_location": "none"}
    lost["migration"] = {**lost["migration"], "error": "the source's QEMU ended"}
    lost["guest"] = {**lost["guest"], "verified": None}
    valid, findings = validate(lost)
    assert valid, [finding.sentence for finding in findings if finding.passed is False]
    assert run.ended(lost).passed
    # The same without a fault is no measurement at all.
    unasked = {**lost, "events": observation()["events"]}
    assert not run.ended(unasked).passed
    assert not run.one_host(unasked).passed
    assert not run.memory_verified(unasked).passed
