# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The advice for guests that leave no doubt, and what is told to enter at each level."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _advice
from ansible_collections.stsm.live_migration.plugins.module_utils._advise import Question
from ansible_collections.stsm.live_migration.plugins.module_utils._commands import commands
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._dirtying import Observed
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Link, Scenario, Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import read_choice

QUIET = Observed(512, 300, 1, [10, 11, 10], 8, 60, True)
BUSY = Observed(512, 335, 1, [190, 191, 188], 8, 256, True)
PEER = Host("compute2", "192.0.2.12", "198.51.100.12", libvirt_name="compute2.example.org")


def scenario(strategy: str) -> Scenario:
    return Scenario(
        Guest("db-1", 512), Workload(1, 0.0, "idle"), Link(1000, 1500, 950), read_choice({"name": strategy}),
        time_limit_seconds=60,
    )  # fmt: skip


def found(observed: Observed, *unavailable: str) -> list[_advice.Option]:
    rows = _advice.options(
        [scenario(name) for name in _advice.MODELLED], lambda one: _advice.expected_of(one, observed)
    )
    return [replace(one, obstacle="QEMU lacks it.") if one.name in unavailable else one for one in rows]


def test_quiet_guest_is_moved_by_pre_copy() -> None:
    advice = _advice.advise(found(QUIET))
    assert advice.chosen is not None and advice.chosen.name == "pre-copy"
    assert advice.sentence.startswith("Move it by pre-copy: it is expected to take ")


def test_guest_that_outruns_the_link_is_moved_by_hybrid_and_the_reason_is_told() -> None:
    advice = _advice.advise(found(BUSY))
    assert advice.chosen is not None and advice.chosen.name == "hybrid"
    assert "pre-copy ends within 60 s with a probability of 0% only, on a stream of 113 MiB/s" in advice.sentence
    assert "to slow it down for" in advice.sentence


@pytest.mark.parametrize(
    ("permits", "unavailable"), [(False, ()), (True, ("hybrid", "post-copy"))], ids=["not permitted", "not there"]
)
def test_without_post_copy_the_guest_is_slowed_or_stopped(permits: bool, unavailable: tuple[str, ...]) -> None:
    advice = _advice.advise(found(BUSY, *unavailable), permits)
    assert advice.chosen is not None and advice.chosen.name in ("auto-converge", "stop-and-copy")
    assert ("hybrid cannot be had here (QEMU lacks it)" if permits else "hybrid is not permitted") in advice.sentence


def test_nothing_is_advised_where_nothing_is_sure() -> None:
    advice = _advice.advise(found(BUSY, "hybrid", "post-copy", "auto-converge", "stop-and-copy"))
    assert advice.chosen is None and advice.sentence.startswith("No strategy is sure to move this guest: pre-copy ends")


def test_strategies_differ_in_what_they_cost_the_guest() -> None:
    by_name = {one.name: one.outlook for one in found(BUSY)}
    stopped, hybrid = by_name["stop-and-copy"], by_name["hybrid"]
    assert stopped.downtime_ms and hybrid.downtime_ms and hybrid.brownout_ms and stopped.brownout_ms
    assert stopped.downtime_ms.low > 5 * hybrid.downtime_ms.high
    assert stopped.brownout_ms.centre < hybrid.brownout_ms.centre / 3


def test_pre_copy_is_told_to_each_level() -> None:
    told = commands(scenario("pre-copy"), PEER, True, 3.0)
    assert told["libvirt"] == [
        "virsh migrate --live --p2p --persistent --undefinesource --migrateuri tcp://198.51.100.12 db-1"
        " qemu+tls://compute2.example.org/system",
        "virsh migrate-setmaxdowntime db-1 300",
    ]
    assert [json.loads(line)["execute"] for line in told["qemu"]][1:] == ["migrate-set-parameters", "migrate"]
    assert "live_migration_permit_post_copy = False" in told["nova"]


def test_hybrid_switches_at_each_level() -> None:
    told = commands(scenario("hybrid"), PEER, False, 3.0)
    assert "--postcopy --migrateuri" not in told["libvirt"][0]
    assert "--postcopy --postcopy-after-precopy" in told["libvirt"][0] and len(told["libvirt"]) == 1
    capabilities, *_others, switch = map(json.loads, told["qemu"])
    assert {"capability": "postcopy-ram", "state": True} in capabilities["arguments"]["capabilities"]
    assert switch == {"execute": "migrate-start-postcopy"}
    assert {"[libvirt]", "live_migration_permit_post_copy = True", "live_migration_timeout_action = force_complete",
            "live_migration_completion_timeout = 2"} <= set(told["nova"])  # fmt: skip


def test_every_strategy_can_be_told_to_libvirt_and_nova() -> None:
    for name in _advice.MODELLED:
        told = commands(scenario(name), PEER, False, 3.0)
        assert told["libvirt"] and told["qemu"] and told["nova"], name


@pytest.mark.parametrize("wrong", [{"seconds": 1}, {"seconds": 61}, {"strategies": ["multifd"]}])
def test_what_cannot_be_asked_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InstrumentError, match="set such a time|there is no model"):
        Question("db-1", Link(1000), **wrong)  # type: ignore[arg-type]
