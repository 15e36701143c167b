# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario parser: what is asked becomes a valid scenario, or one sentence that says what to set."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError, ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import (
    _SCENARIO_KEYS,
    PATTERNS,
    Scenario,
    mib_per_second,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

LEAST: dict[str, Any] = {
    "workload": {"dirty_rate_mib_per_second": 30},
    "link": {"rate_mbit_per_second": 1000},
    "strategy": {"name": "hybrid"},
}


def asked(**changes: Any) -> dict[str, Any]:
    """The least that can be asked for, with whole sections or, as section__key, single keys changed."""
    mapping = copy.deepcopy(LEAST)
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = mapping
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
    return mapping


def test_the_least_gets_all_defaults() -> None:
    scenario = Scenario.from_dict(LEAST)
    assert scenario.guest == Guest("stsm-guest", 512, 1, "q35", "qemu64", "tcg")
    assert scenario.workload is not None
    assert scenario.workload.working_set_mib == 256
    assert (scenario.driver, scenario.repetition, scenario.time_limit_seconds) == ("libvirt", 1, 20.0)
    assert scenario.strategy.downtime_limit_ms == 300
    assert scenario.link.payload_mbit_per_second is None


def test_null_is_not_given() -> None:
    mapping = asked(guest=None, workload__dirty_rate_of_link=None, driver=None, strategy__downtime_limit_ms=None)
    assert Scenario.from_dict(mapping) == Scenario.from_dict(LEAST)


def test_a_share_of_the_link_is_resolved() -> None:
    scenario = Scenario.from_dict(asked(workload={"dirty_rate_of_link": 1.6}))
    assert scenario.workload is not None
    assert scenario.workload.dirty_rate_mib_per_second == pytest.approx(190.735, abs=0.001)
    assert scenario.dirty_rate_of_link == pytest.approx(1.6)
    assert mib_per_second(1000) == 1e9 / 8 / 2**20


def test_several_guests_have_names_of_their_own_and_a_hash_of_their_own() -> None:
    scenario = Scenario.from_dict(asked(guests=3))
    assert [scenario.guest_of(number).name for number in (1, 2, 3)] == ["stsm-guest", "stsm-guest-2", "stsm-guest-3"]
    assert scenario.guest_of(2) == dataclasses.replace(Guest(), name="stsm-guest-2")
    assert Scenario.from_dict(asked(guest={"domain": "web"}, workload=None, guests=2)).guest_of(2) == SiteGuest("web-2")
    assert scenario.hash != Scenario.from_dict(LEAST).hash
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_a_load_beside_the_migration_is_part_of_what_is_measured() -> None:
    scenario = Scenario.from_dict(asked(background__link_mbit_per_second=300))
    assert (scenario.background.cpu_percent, scenario.background.link_mbit_per_second) == (0, 300)
    assert scenario.hash != Scenario.from_dict(LEAST).hash
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_a_site_guest_has_no_workload() -> None:
    scenario = Scenario.from_dict(asked(guest={"domain": "web-1"}, workload=None))
    assert scenario.guest == SiteGuest("web-1")
    assert scenario.guest.name == "web-1"
    assert scenario.workload is None
    assert scenario.dirty_rate_of_link is None
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_an_idle_guest_needs_no_rate() -> None:
    scenario = Scenario.from_dict(asked(workload={"pattern": "idle"}))
    assert scenario.workload is not None
    assert scenario.workload.dirty_rate_mib_per_second == 0
    assert "dirty_rate_mib_per_second" not in scenario.to_dict()["workload"]
    assert Scenario.from_dict(scenario.to_dict()) == scenario


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            asked(strategy__name="hybird"),
            "strategy.name is 'hybird', which is not known (did you mean 'hybrid'?); it must be one of "
            f"{', '.join(STRATEGIES)}.",
        ),
        (
            asked(strategy={}),
            f"strategy.name is missing; it must be one of {', '.join(STRATEGIES)}.",
        ),
        (
            asked(strategy__name=7),
            f"strategy.name is 7, but must be one of {', '.join(STRATEGIES)}.",
        ),
        (
            asked(workload__dirty_rate_mib_per_seconds=3),
            "workload.dirty_rate_mib_per_seconds is not known (did you mean 'dirty_rate_mib_per_second'?); "
            "workload has the keys working_set_mib, working_set_of_memory, dirty_rate_mib_per_second, "
            "dirty_rate_of_link, pattern, bytes_per_touch, entropy_bits_per_byte, grain_ms, hot_set_percent, "
            "hot_touch_percent.",
        ),
        (
            asked(workloads={}),
            "workloads is not known (did you mean 'workload'?); the scenario has the keys guest, guests, "
            "migrations_at_once, background, workload, link, strategy, driver, repetition, time_limit_seconds, "
            "warm_up_seconds, fault, replica.",
        ),
        (asked(guests=9), "guests is 9, but must be a whole number of at least 1 and at most 8."),
        (
            asked(guests=2, migrations_at_once=3),
            "migrations_at_once is 3, but there are 2 guests to move: lower it, or raise guests.",
        ),
        (asked(guests=0), "guests is 0, but must be a whole number of at least 1 and at most 8."),
        (
            asked(background__cpu_percent=101),
            "background.cpu_percent is 101, but must be a number of at least 0 and at most 100.",
        ),
        (
            asked(background__link_mbit_per_second=1000),
            "background.link_mbit_per_second is 1000, but the link carries 1000 Mbit/s and the migration needs some of"
            " that: lower it below link.rate_mbit_per_second.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second=-3),
            "workload.dirty_rate_mib_per_second is -3, but must be a number above 0.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second=0),
            "workload.dirty_rate_mib_per_second is 0, but must be a number above 0.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second=NAN),
            "workload.dirty_rate_mib_per_second is nan, but must be a number above 0.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second=INFINITY),
            "workload.dirty_rate_mib_per_second is inf, but must be a number above 0.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second=True),
            "workload.dirty_rate_mib_per_second is true, but must be a number above 0.",
        ),
        (
            asked(workload__dirty_rate_mib_per_second="30"),
            "workload.dirty_rate_mib_per_second is the text '30', but must be a number above 0.",
        ),
        (
            asked(workload={}),
            "workload.dirty_rate_mib_per_second is missing; give it in MiB/s, or give workload.dirty_rate_of_link,",
        ),
        (
            asked(workload__dirty_rate_of_link=0.5),
            "workload.dirty_rate_of_link is given, but so is workload.dirty_rate_mib_per_second, which says "
            "the same thing: leave one of them out.",
        ),
        (
            asked(workload={"dirty_rate_of_link": 0}),
            "workload.dirty_rate_of_link is 0, but must be a number above 0.",
        ),
        (
            asked(workload__working_set_mib=512),
            "workload.working_set_mib is 512, but a guest of 512 MiB has room for 400 MiB beside its kernel: "
            "lower workload.working_set_mib or raise guest.memory_mib.",
        ),
        (
            asked(workload__working_set_mib=True),
            "workload.working_set_mib is true, but must be a whole number of at least 1.",
        ),
        (
            asked(workload__working_set_mib=2.5),
            "workload.working_set_mib is 2.5, but must be a whole number of at least 1.",
        ),
        (
            asked(workload__pattern="seqential"),
            "workload.pattern is 'seqential', which is not known (did you mean 'sequential'?); it must be one"
            " of sequential, random, hot-set, read-only, idle.",
        ),
        (
            asked(workload__pattern="idle"),
            "workload.dirty_rate_mib_per_second is given, but workload.pattern is 'idle': leave it out or "
            "choose another pattern.",
        ),
        (
            asked(workload__hot_set_percent=5),
            "workload.hot_set_percent is given, but the pattern is 'sequential': leave it out or choose 'hot-set'.",
        ),
        (
            asked(workload__bytes_per_touch=60),
            "workload.bytes_per_touch is 60, but must be a whole number of at least 24, at most 4096 and in "
            "steps of 8.",
        ),
        (
            asked(workload__entropy_bits_per_byte=8.5),
            "workload.entropy_bits_per_byte is 8.5, but must be a number of at least 0, at most 8 and in "
            "steps of 0.125.",
        ),
        (asked(guest__memory_mib=64), "guest.memory_mib is 64, but must be a whole number of at least 128."),
        (
            asked(guest__name="../etc"),
            "guest.name is the text '../etc', but must be a name of at most 100 letters, digits and the signs"
            " _ . : + - that starts with a letter or a digit.",
        ),
        (
            asked(guest__domain="web-1"),
            "workload is given, but 'web-1' is a site's own guest and runs what it runs: leave it out.",
        ),
        (
            asked(guest={"domain": "web-1", "vcpus": 2}),
            "guest.vcpus is given, but guest.domain names a site's own guest, which is taken as it is: leave it out.",
        ),
        (
            asked(guest__accelerator="auto"),
            "guest.accelerator is 'auto', but a run has one of tcg, kvm: set the one that preflight_info returns (the"
            " role campaign does so for 'auto' in campaign_scenario).",
        ),
        (
            asked(guest="stsm"),
            "guest is the text 'stsm', but must be a mapping with the keys name, memory_mib, vcpus, machine, "
            "cpu_model, accelerator, huge_page_kib, domain, copy_disks, storage, disk_gib, allocated_disk_mib, "
            "freed_disk_mib.",
        ),
        (asked(link={}), "link.rate_mbit_per_second is missing; it must be a number above 0."),
        (asked(link__rate_mbit_per_second=10**400), "link.rate_mbit_per_second is 1"),
        (
            asked(link__payload_mbit_per_second=1200),
            "link.payload_mbit_per_second is 1200, but must be a number above 0 and at most 1000.",
        ),
        (asked(repetition=0), "repetition is 0, but must be a whole number of at least 1."),
        (asked(time_limit_seconds=0), "time_limit_seconds is 0, but must be a number above 0."),
        (asked(warm_up_seconds=[2]), "warm_up_seconds is a list, but must be a number above 0 and at most 60."),
        (asked(guest={"allocated_disk_mib": 9}), "guest.disk_gib is missing; it must be a number above 0."),
        (asked(guest={"disk_gib": 1}, driver="qmp"), "guest.disk_gib is set, but the driver qmp copies no disk: leave"),
        (asked(guest={"huge_page_kib": 4}), "guest.huge_page_kib is 4, but must be 2048 or 1048576."),
        (asked(driver="xen"), "driver is 'xen', which is not known; it must be one of libvirt, qmp, nova."),
        ({7: 1}, "7 is not known; the scenario has the keys"),
        (None, "The scenario is empty, but must be a mapping with the keys guest"),
        ([], "The scenario is a list, but must be a mapping"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(mapping: Any, sentence: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict(mapping)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")
    assert isinstance(caught.value, InstrumentError)


@pytest.mark.parametrize(
    "change",
    [
        {"workload__dirty_rate_mib_per_second": 31},
        {"workload__working_set_mib": 128},
        {"workload__pattern": "random"},
        {"link__rate_mbit_per_second": 10_000},
        {"strategy__name": "pre-copy"},
        {"strategy__bandwidth_limit_mib_per_second": 50},
        {"guest__memory_mib": 1024},
        {"time_limit_seconds": 60},
        {"warm_up_seconds": 3},
    ],
)
def test_what_determines_the_measurement_changes_the_hash(change: dict[str, Any]) -> None:
    assert Scenario.from_dict(asked(**change)).hash != Scenario.from_dict(LEAST).hash


@pytest.mark.parametrize(
    "change",
    [
        {"repetition": 2},
        {"link__payload_mbit_per_second": 956.4},
        {"guest__name": "another"},
        {"workload__dirty_rate_mib_per_second": 30.0},
        {"workload__pattern": "sequential"},
    ],
)
def test_what_does_not_determine_it_leaves_the_hash(change: dict[str, Any]) -> None:
    assert Scenario.from_dict(asked(**change)).hash == Scenario.from_dict(LEAST).hash


def test_the_hash_stays_what_it_was() -> None:
    """Recorded cells are found by it: a new default or a renamed key would measure all of them again."""
    assert Scenario.from_dict(LEAST).hash == "672eba83475a92c6a2127aa34bb94a10091c96168818085880dddb89867d6f1f"


loads = st.one_of(
    st.fixed_dictionaries({"dirty_rate_mib_per_second": st.floats(0.001, 1e5)}),
    st.fixed_dictionaries({"dirty_rate_of_link": st.floats(0.001, 10)}),
)
valid = st.builds(
    lambda load, pattern, size, rate, strategy, top: {
        "guest": {"memory_mib": 512 + size},
        "workload": {**({} if pattern == "idle" else load), "pattern": pattern, "working_set_mib": size},
        "link": {"rate_mbit_per_second": rate},
        "strategy": strategy,
        **top,
    },
    loads,
    st.sampled_from(PATTERNS),
    st.integers(1, 400),
    st.floats(1, 1e6),
    st.fixed_dictionaries(
        {"name": st.sampled_from(sorted(STRATEGIES))},
        optional={"bandwidth_limit_mib_per_second": st.integers(1, 10**5), "downtime_limit_ms": st.integers(1, 10**6)},
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "repetition": st.integers(1, 100),
            "time_limit_seconds": st.floats(0.1, 1e4),
            "warm_up_seconds": st.floats(0.1, 60),
        },
    ),
)


@given(valid)
@settings(max_examples=100, deadline=None)
def test_a_valid_scenario_survives_json_and_keeps_its_hash(mapping: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(mapping)
    again = Scenario.from_dict(json.loads(json.dumps(scenario.to_dict(), allow_nan=False)))
    assert again == scenario
    assert again.hash == scenario.hash


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(valid, st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_is_put_in_a_key_is_taken_or_refused_in_one_sentence(
    mapping: dict[str, Any], data: st.DataObject
) -> None:
    """No value of any kind makes the parser fail otherwise, and whatever it takes can be recorded."""
    place = mapping
    key = data.draw(st.sampled_from(sorted(place)))
    if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place)))
    place[key] = data.draw(anything)
    try:
        scenario = Scenario.from_dict(mapping)
    except ScenarioError as error:
        assert str(error).endswith(".")
    else:
        json.dumps(scenario.to_dict(), allow_nan=False)


@given(valid, st.text(min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_no_unknown_key_slips_through(mapping: dict[str, Any], key: str) -> None:
    assume(key not in _SCENARIO_KEYS)
    mapping[key] = None
    with pytest.raises(ScenarioError, match="is not known"):
        Scenario.from_dict(mapping)
