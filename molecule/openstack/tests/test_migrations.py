# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Guests move through Nova as the record says, and stay whole."""

from __future__ import annotations

import pytest
from measured_pair import found
from openstack_hosts import FAST, Site, scenario

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError

WRITTEN_DISK_MIB = 48


def test_pre_copy_with_a_disk_through_nova_takes_longer_than_through_libvirt(site: Site) -> None:
    through_nova = site.measure(scenario("pre-copy", written_disk_mib=WRITTEN_DISK_MIB))
    assert through_nova["outcome"] == "completed", through_nova["reason"]
    for validator in ("memory_verified", "disk_verified", "strategy_happened"):
        assert found(through_nova, validator), validator
    assert through_nova["summary"]["disk_bytes"] >= WRITTEN_DISK_MIB << 20
    times = through_nova["raw"]["migration"]["nova"]
    order = ["requested", "accepted", "libvirt_begun", "libvirt_ended", "ended"]
    assert [times[f"{moment}_ns"] for moment in order] == sorted(times[f"{moment}_ns"] for moment in order)
    assert [entry["status"] for entry in times["statuses"]][-1] == "completed"
    # By the stamps of nova-compute's log, which has no line for the request.
    assert 0 < through_nova["summary"]["log_time_ms"] < through_nova["summary"]["total_time_ms"]
    through_libvirt = site.measure(scenario("pre-copy", "libvirt", written_disk_mib=WRITTEN_DISK_MIB))
    assert (through_libvirt["outcome"], found(through_libvirt, "disk_verified")) == ("completed", True)
    assert through_nova["summary"]["total_time_ms"] > through_libvirt["summary"]["total_time_ms"]
    assert site.cloud.servers(["stsm-guest"]) == []


def test_post_copy_is_forced_through_nova(site: Site) -> None:
    record = site.measure(scenario("hybrid", **FAST))
    assert record["outcome"] == "completed", record["reason"]
    assert found(record, "memory_verified")
    assert found(record, "strategy_happened")
    assert record["summary"]["postcopy_requests"] > 0
    times = record["raw"]["migration"]["nova"]
    assert times["switch_due_ns"] <= times["switch_requested_ns"] <= times["switch_accepted_ns"]


def test_what_nova_compute_was_not_told_is_refused(site: Site) -> None:
    with pytest.raises(InstrumentError, match="live_migration_permit_auto_converge false, but the scenario needs true"):
        site.measure(scenario("auto-converge"))
    assert not (site.folder / "runs.jsonl").exists()
