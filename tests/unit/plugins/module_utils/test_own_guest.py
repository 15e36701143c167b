# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own guest: how it is asked for, how its disks are asked along, and how its runs are told and judged."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import migration_request
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import summarise
from ansible_collections.stsm.live_migration.plugins.module_utils._validators_run import vantage_points
from ansible_collections.stsm.live_migration.plugins.module_utils._validators_stream import nic_bytes
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    SyntheticGuest,
    at,
    event,
    observation,
    scenario,
    site_guest,
)

DESTINATION = Host("compute2", "192.0.2.12", "198.51.100.12")
DISK_BYTES = 128 << 20


def asked(**guest: Any) -> dict[str, Any]:
    """The scenario of a site's own guest."""
    return {"guest": guest, "link": {"rate_mbit_per_second": 1000}, "strategy": {"name": "hybrid"}}


def probed_guest() -> dict[str, Any]:
    """A good run of a site's own guest that answered the observer's ICMP echoes."""
    seen = site_guest()
    seen["echoes"] = [[send, receive, None, None] for send, receive, *_rest in observation()["echoes"]]
    return seen


def guest_with_disk() -> dict[str, Any]:
    """A good run of a guest whose disk, a quarter of it in use, was copied in 800 ms."""
    seen = probed_guest()
    seen["scenario"] = scenario("hybrid", guest={"domain": "web-1", "copy_disks": True}, workload=None)
    for row in (*seen["job_series"], seen["completed"]):
        row.update(disk_total_bytes=DISK_BYTES, disk_processed_bytes=DISK_BYTES, disk_remaining_bytes=0)
    seen["events"] = [
        event("source", "JOB_STATUS_CHANGE", 100, status="created", id="drive-vda"),
        event("source", "BLOCK_JOB_READY", 900, type="mirror", device="drive-vda"),
        *seen["events"],
        event("source", "BLOCK_JOB_COMPLETED", 3_430, type="mirror", device="drive-vda"),
    ]
    seen["group"]["disk_bytes"] = DISK_BYTES
    for end, key in (("source", "tx_bytes"), ("destination", "rx_bytes")):
        for sample in seen["network"][end]:
            sample[key] += DISK_BYTES // 4 if sample["at_ns"] > at(500) else 0
    return seen


def test_disks_are_copied_only_if_that_is_asked_for() -> None:
    plain, copied = (Scenario.from_dict(asked(domain="db1", **more)) for more in ({}, {"copy_disks": True}))
    assert (plain.guest, copied.guest) == (SiteGuest("db1"), SiteGuest("db1", copy_disks=True))
    assert Scenario.from_dict(copied.to_dict()) == copied
    assert plain.hash != copied.hash, "they are different cells"
    assert "VIR_MIGRATE_NON_SHARED_DISK" not in migration_request(plain, DESTINATION, True)["flags"]
    request = migration_request(copied, DESTINATION, True, ["vda", "vdb"])
    assert "VIR_MIGRATE_NON_SHARED_DISK" in request["flags"]
    assert request["parameters"]["migrate_disks"] == ["vda", "vdb"]
    assert "migrate_disks" not in migration_request(copied, DESTINATION, True)["parameters"]


@pytest.mark.parametrize(
    ("guest", "sentence"),
    [
        ({"domain": "db1", "copy_disks": "yes"}, "guest.copy_disks is the text 'yes', but must be true or false."),
        ({"copy_disks": True}, "guest.copy_disks is given, but the workload guest has storage for that"),
    ],
)
def test_copy_disks_that_makes_no_sense_is_refused(guest: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScenarioError, match=sentence):
        Scenario.from_dict({**asked(**guest), "workload": None})


def test_guest_that_answers_pings_has_two_vantage_points() -> None:
    summary = summarise(probed_guest())
    assert summary["downtime_events_ms"] == pytest.approx(82, abs=1)
    assert summary["downtime_network_ms"] == pytest.approx(82, abs=20)
    assert summary["downtime_network_uncertainty_ms"] > 0
    assert summary["downtime_guest_ms"] is None
    found = vantage_points(probed_guest())
    assert found.passed
    assert "events" in found.sentence
    assert "network" in found.sentence
    assert "guest" not in found.sentence.replace("guest's", "")


def test_network_that_sees_less_than_the_events_makes_the_run_invalid() -> None:
    seen = probed_guest()
    # It was another machine that answered: all the time.
    awake = SyntheticGuest(start=at(-2_200), quiet=7_500_000_000, pause=0, after=0)
    seen["echoes"] = [[send, receive, None, None] for send, receive, *_rest in awake.echoes()]
    found = vantage_points(seen)
    assert found.passed is False
    assert "events is longer than by network" in found.sentence


def test_guest_that_never_answers_is_told_with_what_to_do() -> None:
    seen = probed_guest()
    seen["echoes"] = [[send, None, None, None] for send, *_rest in seen["echoes"]]
    found = vantage_points(seen)
    assert found.passed is False
    assert "correct guest_address" in found.sentence


def test_guest_that_was_not_probed_is_judged_by_its_events() -> None:
    assert vantage_points(site_guest()).passed is None


def test_copied_disks_are_told_and_accounted_for() -> None:
    seen = guest_with_disk()
    summary = summarise(seen)
    assert (summary["disk_bytes"], summary["disk_copy_time_ms"]) == (DISK_BYTES, 800)
    found = nic_bytes(seen)
    assert found.passed, found.sentence
    assert str(DISK_BYTES) in found.sentence
    bare = probed_guest()
    assert (summarise(bare)["disk_bytes"], summarise(bare)["disk_copy_time_ms"]) == (None, None)


def test_bytes_that_no_disk_explains_are_still_found() -> None:
    seen = guest_with_disk()
    for row in (*seen["job_series"], seen["completed"]):
        row["disk_processed_bytes"] = 0
    seen["group"]["disk_bytes"] = None
    assert nic_bytes(seen).passed is False
