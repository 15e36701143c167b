# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Real migrations between the tests' hosts: what is measured is true, and what goes wrong is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from quickstart_hosts import GUEST_ADDRESS, benchmark, scenario

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._calibration import calibrate
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import domain_xml, result_path
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_run import configure
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine, measure_link
from ansible_collections.stsm.live_migration.plugins.module_utils._run import measure
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, settle_guests

PROBE_ADDRESS = GUEST_ADDRESS.partition("/")[0]


def found(record: dict[str, Any], validator: str) -> dict[str, Any]:
    """What one validator found."""
    return next(finding for finding in record["validators"] if finding["name"] == validator)


def test_hosts_pass_their_preflight_and_the_link_is_as_declared(testbed: Testbed) -> None:
    assert [finding["sentence"] for finding in examine(testbed) if not finding["passed"]] == []
    # 1448 of 1514 bytes of each frame are payload; a busy machine gives less, but nothing may give more.
    assert all(0.7 * 956 < rate < 960 for rate in measure_link(testbed).values())


def test_known_pauses_are_seen_from_all_vantage_points(testbed: Testbed) -> None:
    (site,) = settle_guests(testbed, scenario("hybrid"), GUEST_ADDRESS)
    # A machine that pauses may spoil one pause or another, as it may a campaign's, which calibrates again then.
    for _attempt in range(3):
        points = calibrate(site, PROBE_ADDRESS)
        amiss = [point for point in points if not all(point["within"].values())]
        if not amiss:
            break
    assert [point["pause_ms"] for point in points] == [0, 50, 500, 5000]
    assert amiss == []


def test_post_copy_moves_the_guest_with_its_memory(pair: list[Host], tmp_path: Path) -> None:
    result = benchmark(pair, tmp_path / "campaign", scenario("post-copy")).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert result["outcome"] == record["outcome"] == "completed"
    assert found(record, "memory_verified")["passed"] and found(record, "one_host")["passed"]
    assert record["summary"]["postcopy_requests"] > 0
    assert record["summary"]["postcopy_latency_mean_us"] > 0
    for point in ("events", "guest", "network"):
        assert record["summary"][f"downtime_{point}_ms"] is not None


def test_hybrid_sends_all_memory_once_before_it_switches(pair: list[Host], tmp_path: Path) -> None:
    workload = {"working_set_mib": 128, "dirty_rate_mib_per_second": 200}
    benchmark(pair, tmp_path / "campaign", scenario("hybrid", workload=workload)).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert record["outcome"] == "completed"
    assert found(record, "strategy_happened")["passed"], found(record, "strategy_happened")["sentence"]
    switched_ns = record["raw"]["migration"]["switch_requested_ns"]
    rows = [row for row in record["raw"]["job_series"] if row["at_ns"] >= switched_ns]
    sent_pages = rows[0]["memory_normal_pages"] + rows[0]["memory_constant_pages"]
    assert sent_pages * 4096 >= rows[0]["memory_total_bytes"]


@pytest.mark.parametrize("fault", ["stale", "corrupt"])
def test_damaged_page_makes_the_run_invalid_and_is_named(testbed: Testbed, fault: str) -> None:
    # An idle guest does not touch the page again and so cannot heal it.
    idle = scenario("stop-and-copy", workload={"working_set_mib": 16, "pattern": "idle"})
    (site,) = settle_guests(testbed, idle, GUEST_ADDRESS)
    assert site.channel is not None and idle.workload is not None
    configure(site.channel, site.source, idle.workload)
    site.channel.ask(site.source, "inject", page=17, fault=fault)
    (observation,) = measure(testbed, [site], idle)
    record = _record.build(observation, "tests", 1, "a group")
    # The next test finds whole memory: another size fills it anew.
    site.channel.ask(site.destination, "configure", working_set_mib=32)
    assert record["outcome"] == "completed"
    assert record["valid"] is False
    assert found(record, "memory_verified")["passed"] is False
    assert "17" in found(record, "memory_verified")["sentence"]


def test_second_run_on_the_same_hosts_is_told_who_holds_them(
    testbed: Testbed, pair: list[Host], tmp_path: Path
) -> None:
    with pytest.raises(InstrumentError, match="being measured by a test"):
        benchmark(pair, tmp_path / "campaign", scenario("hybrid")).run(fresh=False)
    assert not (tmp_path / "campaign").exists()


def test_pre_copy_that_cannot_keep_up_is_aborted_in_time(pair: list[Host], tmp_path: Path) -> None:
    workload = {"working_set_mib": 128, "dirty_rate_mib_per_second": 400}
    hopeless = scenario("pre-copy", workload=workload, time_limit_seconds=5)
    result = benchmark(pair, tmp_path / "campaign", hopeless).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "campaign/runs.jsonl")
    assert result["outcome"] == "not_converged"
    assert record["raw"]["guest_location"] == "source"
    assert found(record, "memory_verified")["passed"]


def test_guest_that_does_not_boot_is_told_in_its_own_words_and_removed(testbed: Testbed) -> None:
    unbootable = scenario("pre-copy", guest={"name": "stsm-unbootable"})
    with pytest.raises(InstrumentError, match="did not boot on compute1.*'stsm.address'"):
        settle_guests(testbed, unbootable, "no-address")
    assert testbed.locate("stsm-unbootable") == {}


@pytest.mark.parametrize("strategy", ["pre-copy", "post-copy"])
def test_guest_of_the_site_is_moved_with_the_vantage_points_it_has(
    testbed: Testbed, tmp_path: Path, strategy: str
) -> None:
    # Any domain will do; this one happens to run the same kernel, and nobody speaks to it.
    stranger = Guest(name="site-guest", memory_mib=128)
    source = testbed.connections[0]
    version = [int(part) for part in testbed.facts[source.host.name]["qemu_version"].split(".")]
    definition = domain_xml(stranger, "quiet stsm.working_set_mib=16", source.host, version)
    source.call("start_guest", definition=definition, result_path=result_path(stranger))
    try:
        asked = {"guest": {"domain": "site-guest"}, "link": {"rate_mbit_per_second": 1000}}
        own = Scenario.from_dict({**asked, "strategy": {"name": strategy}, "warm_up_seconds": 1})
        sites = settle_guests(testbed, own, None)
        (observation,) = measure(testbed, sites, own)
        record = _record.build(observation, "tests", 1, "a group")
        _record.append(tmp_path / "runs.jsonl", [record])
    finally:
        for connection in testbed.connections:
            connection.call("destroy_guest", guest="site-guest")
    assert (record["outcome"], record["raw"]["guest_location"]) == ("completed", "destination")
    assert record["summary"]["downtime_events_ms"] > 0
    assert record["summary"]["downtime_guest_ms"] is None
