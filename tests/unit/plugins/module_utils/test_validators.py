# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each validator reacts to the fault it is there for, and to no other: one fault is put into a good observation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._validators import VALIDATORS, validate
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    BYTES_PER_MS,
    COMPLETED,
    MS,
    at,
    event,
    loaded,
    not_converged,
    observation,
    site_guest,
    three_guests,
)

Fault = Callable[[dict[str, Any]], None]


# They judge what the four strategies and their guests have not, and faults that nobody asked for.
OF_FEATURES = {
    "disk_verified",
    "throttled",
    "channels_used",
    "xbzrle_used",
    "zero_copied",
    "encrypted",
    "tunnelled",
    "recovered",
    "fault_struck",
}


def failures(seen: dict[str, Any]) -> dict[str, str]:
    """The validators that failed, with their sentences."""
    valid, findings = validate(seen)
    failed = {finding.name: finding.sentence for finding in findings if finding.passed is False}
    assert valid is not bool(failed)
    return failed


def not_applicable(seen: dict[str, Any]) -> set[str]:
    """The validators that do not apply, beside those of other strategies."""
    found = {finding.name for finding in validate(seen)[1] if finding.passed is None}
    assert found >= OF_FEATURES
    return found - OF_FEATURES


@pytest.mark.parametrize("strategy", ["hybrid", "post-copy"])
def test_a_good_post_copy_run_passes_every_validator(strategy: str) -> None:
    assert failures(observation(strategy)) == {}
    assert not_applicable(observation(strategy)) == {"background"}


@pytest.mark.parametrize("strategy", ["pre-copy", "stop-and-copy"])
def test_a_good_run_without_post_copy_has_no_latencies(strategy: str) -> None:
    assert failures(observation(strategy)) == {}
    assert not_applicable(observation(strategy)) == {"background", "latency_histogram"}


def test_a_run_that_did_not_converge_is_valid_with_what_applies() -> None:
    assert failures(not_converged()) == {}
    assert not_applicable(not_converged()) == {
        "background",
        "strategy_happened",
        "vantage_points",
        "throughput_identity",
        "physical_limit",
        "nic_bytes",
        "latency_histogram",
    }


def test_a_site_guest_is_judged_by_what_it_shows() -> None:
    assert failures(site_guest()) == {}
    assert not_applicable(site_guest()) == {
        "memory_verified",
        "dirty_rate",
        "background",
        "vantage_points",
        "calibrated",
    }


def test_guests_that_move_at_once_are_judged_by_all_their_bytes_together() -> None:
    assert failures(three_guests()) == {}
    lonely = three_guests()
    lonely["group"]["transferred_bytes"] = lonely["completed"]["memory_processed_bytes"]
    assert "for 3 guests, the source's NIC" in failures(lonely)["nic_bytes"]
    unknown = three_guests()
    unknown["group"]["transferred_bytes"] = None
    assert "nic_bytes" in not_applicable(unknown)


def test_a_disk_that_came_along_is_whole() -> None:
    assert failures(with_disk(0)) == {}
    assert "disk_verified" not in {finding.name for finding in validate(with_disk(0))[1] if finding.passed is None}
    assert "3 of the 512 pages" in failures(with_disk(3))["disk_verified"]
    half = with_disk(0)
    half["guest"]["verified"]["disk_pages"] = 256
    assert "verified 256 pages of its disk, but was to write 512" in failures(half)["disk_verified"]


def test_a_load_that_was_there_passes_and_its_bytes_are_no_mystery() -> None:
    assert failures(loaded()) == {}
    assert not_applicable(loaded()) == set()


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (loaded(cpu_percent=26), "26.0 % of the source's processors instead of 30 %"),
        (loaded(cpu_percent=34), "34.0 % of the destination's processors instead of 30 %"),
        (loaded(link_mbit_per_second=140), "140.0 Mbit/s of the link instead of 160."),
        ({**loaded(), "background": None}, "is not known"),
    ],
)
def test_a_load_that_was_not_there_is_told(seen: dict[str, Any], words: str) -> None:
    failed = failures(seen)
    assert words in failed.pop("background")
    assert set(failed) <= {"nic_bytes"}


def wrong_page(reason: str, expected: int, found: int) -> Fault:
    def put(seen: dict[str, Any]) -> None:
        wrong = {"page": 17, "reason": reason, "expected_generation": expected, "found_generation": found}
        seen["guest"]["verified"].update(wrong_count=1, wrong=[wrong])

    return put


def unverified(seen: dict[str, Any]) -> None:
    seen["guest"]["verified"] = None


def half_verified(seen: dict[str, Any]) -> None:
    seen["guest"]["verified"]["pages"] = 32_768


def with_disk(wrong_count: int) -> dict[str, Any]:
    """A good run of a guest that wrote 2 MiB to its disk, of which some came back wrong."""
    seen = observation()
    seen["scenario"]["guest"].update(disk_gib=1, allocated_disk_mib=1, freed_disk_mib=1, storage="local")
    seen["guest"]["verified"].update(disk_pages=512, wrong_disk_count=wrong_count)
    return seen


def no_page_requests(seen: dict[str, Any]) -> None:
    seen["completed"]["memory_postcopy_requests"] = 0
    for row in seen["job_series"]:
        row["memory_postcopy_requests"] = 0


def converged_before_the_switch(seen: dict[str, Any]) -> None:
    no_page_requests(seen)
    seen["migration"]["switch_requested_ns"] = None
    seen["events"] = [row for row in seen["events"] if row["data"].get("status") != "postcopy-active"]


def slow_workload(seen: dict[str, Any]) -> None:
    seen["guest"]["warm_up"]["achieved_mib_per_second"] *= 0.96


def machine_paused(seen: dict[str, Any]) -> None:
    slow_workload(seen)
    seen["guest"]["warm_up"]["pauses"] = [{"start_ns": 1, "length_ns": 77 * MS}]


def loose_clock(seen: dict[str, Any]) -> None:
    seen["clocks"]["destination"]["bound_ns"] = 2 * MS


def drifting_clock(seen: dict[str, Any]) -> None:
    seen["clocks"]["source"]["drift_ns"] = -3 * MS


def guest_clock_did_not_stop(seen: dict[str, Any]) -> None:
    stopped = next(row["at_ns"] for row in seen["events"] if row["event"] == "STOP")
    for echo in seen["echoes"]:
        if echo[2] is not None and echo[0] > stopped:
            echo[2] += 82 * MS


def deaf_network(seen: dict[str, Any]) -> None:
    resumed = next(row["at_ns"] for row in seen["events"] if row["event"] == "RESUME")
    for echo in seen["echoes"]:
        if echo[0] > resumed:
            echo[1:] = [None, None, None]


def early_echoes(seen: dict[str, Any]) -> None:
    """The network seems to answer in the blackout: half of its lost probes come back at once, without a stamp."""
    for echo in seen["echoes"]:
        if echo[1] is None:
            echo[1] = echo[0] + MS


def missed_pause(seen: dict[str, Any]) -> None:
    seen["calibration"][1]["within"]["network"] = False


def kilobytes_for_kibibytes(seen: dict[str, Any]) -> None:
    seen["completed"]["memory_bytes_per_second"] = round(BYTES_PER_MS * 1024)


def bytes_from_nowhere(seen: dict[str, Any]) -> None:
    seen["completed"]["memory_normal_bytes"] //= 2
    seen["completed"]["memory_normal_pages"] //= 2
    for row in seen["job_series"]:
        row["memory_normal_bytes"] //= 2
        row["memory_normal_pages"] //= 2


def nic_burst(seen: dict[str, Any]) -> None:
    """The NIC's counter rises by 200 MB and falls back, as a counter read wrongly does."""
    for row in seen["network"]["source"][80:90]:
        row["tx_bytes"] += 200_000_000


def small_link(seen: dict[str, Any]) -> None:
    seen["scenario"]["link"].update(rate_mbit_per_second=940.0, payload_mbit_per_second=None)


def unsent_working_set(seen: dict[str, Any]) -> None:
    seen["scenario"]["workload"]["working_set_mib"] = 448
    seen["guest"]["verified"]["pages"] = 448 * 256


def foreign_traffic(seen: dict[str, Any]) -> None:
    """A slow stranger on the same interface: too little to break the link's rate, too much for the bytes."""
    for end in ("source", "destination"):
        for row in seen["network"][end]:
            row["tx_bytes"] += max(0, row["at_ns"] - at(COMPLETED)) // 15
            row["rx_bytes"] += max(0, row["at_ns"] - at(COMPLETED)) // 15
    seen["migration"]["end_ns"] = seen["group"]["end_ns"] = at(COMPLETED + 900)


def lossy_network(seen: dict[str, Any]) -> None:
    for row in seen["network"]["destination"]:
        row["rx_bytes"] = round(row["rx_bytes"] * 0.9)


def microseconds_for_nanoseconds(seen: dict[str, Any]) -> None:
    seen["destination_statistics"]["postcopy-latency"] //= 1000


def interrupted(seen: dict[str, Any]) -> None:
    bare = not_converged()
    bare["scenario"], bare["migration"]["abort_reason"] = seen["scenario"], "interrupted"
    bare["guest"]["warm_up"] = seen["guest"]["warm_up"]
    seen.clear()
    seen.update(bare)


def entered_post_copy(seen: dict[str, Any]) -> None:
    seen["events"].append(event("source", "MIGRATION", 3_000, status="postcopy-active"))


def stopped_late(seen: dict[str, Any]) -> None:
    for row in seen["events"]:
        if row["data"].get("status") == "active":
            row["at_ns"] = at(650)


def without_events(seen: dict[str, Any]) -> None:
    seen["events"] = [row for row in seen["events"] if row["event"] not in ("STOP", "RESUME")]


def test_clock_of_a_guest_on_kvm_may_run_on_while_it_is_saved() -> None:
    seen = observation("hybrid")
    guest_clock_did_not_stop(seen)
    seen["scenario"]["guest"]["accelerator"] = "kvm"
    seen["completed"]["downtime_ms"] = 1
    assert "vantage_points" in failures(seen)
    seen["completed"]["downtime_ms"] = 10_000
    assert "vantage_points" not in failures(seen)


@pytest.mark.parametrize(
    ("strategy", "fault", "validator", "words"),
    [
        ("hybrid", wrong_page("stale-generation", 9, 8), "memory_verified", "page 17 (the first: stale-generation"),
        ("hybrid", wrong_page("bad-checksum", 9, 9), "memory_verified", "page 17 (the first: bad-checksum"),
        ("hybrid", unverified, "memory_verified", "did not verify"),
        ("hybrid", half_verified, "memory_verified", "32768 pages"),
        ("hybrid", no_page_requests, "strategy_happened", "requested no page"),
        ("hybrid", converged_before_the_switch, "strategy_happened", "converged before the switch was due"),
        ("pre-copy", entered_post_copy, "strategy_happened", "entered post-copy"),
        ("stop-and-copy", stopped_late, "strategy_happened", "30 ms after the first byte"),
        ("hybrid", slow_workload, "dirty_rate", "(-4.1%)"),
        ("hybrid", machine_paused, "dirty_rate", "1 pauses of the machine, the longest of 77 ms"),
        ("hybrid", loose_clock, "clocks_bounded", "2.008 ms"),
        ("hybrid", drifting_clock, "clocks_bounded", "3.120 ms"),
        ("hybrid", guest_clock_did_not_stop, "vantage_points", "by events is longer than by guest"),
        ("hybrid", early_echoes, "vantage_points", "by guest is longer than by network"),
        ("hybrid", deaf_network, "vantage_points", "not seen by: guest, network"),
        ("hybrid", without_events, "vantage_points", "not seen by: events"),
        ("hybrid", missed_pause, "calibrated", "network at 50 ms"),
        ("hybrid", kilobytes_for_kibibytes, "throughput_identity", "QEMU reports 974.8 Mbit/s"),
        ("hybrid", bytes_from_nowhere, "accounting", "explain"),
        ("hybrid", nic_burst, "rate_within_link", "the NIC of the source"),
        ("hybrid", small_link, "physical_limit", "Mbit/s of payload need"),
        ("hybrid", unsent_working_set, "physical_limit", "the working set alone holds"),
        ("hybrid", foreign_traffic, "nic_bytes", "the source's NIC"),
        ("hybrid", lossy_network, "nic_bytes", "the destination's NIC received"),
        ("hybrid", microseconds_for_nanoseconds, "latency_histogram", "0.3 us"),
        ("pre-copy", interrupted, "ended", "interrupted"),
    ],
)
def test_one_fault_fails_exactly_its_validator(strategy: str, fault: Fault, validator: str, words: str) -> None:
    seen = observation(strategy)
    fault(seen)
    failed = failures(seen)
    assert list(failed) == [validator]
    assert words in failed[validator]


@pytest.mark.parametrize(("location", "words"), [("both", "both hosts"), ("none", "neither host")])
def test_a_guest_that_is_not_on_one_host_ends_nothing_and_is_on_no_host(location: str, words: str) -> None:
    seen = observation()
    seen["guest_location"] = location
    failed = failures(seen)
    assert {"ended", "one_host"} <= set(failed)
    assert words in failed["one_host"]


def test_all_validators_have_a_name_of_their_own() -> None:
    names = [finding.name for finding in validate(observation())[1]]
    assert len(set(names)) == len(VALIDATORS)


def test_every_sentence_is_one_sentence() -> None:
    for seen in (observation(), observation("pre-copy"), not_converged(), site_guest(), three_guests(), loaded()):
        for finding in validate(seen)[1]:
            assert finding.sentence.endswith(".")
            assert finding.sentence[0].isupper() or finding.sentence[0].isdigit()
            assert ". " not in finding.sentence
