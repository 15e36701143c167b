# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Guests move through Nova as the record says, stay whole, and are on one host whatever becomes of Nova."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from openstack_hosts import Site, scenario
from own_guest import on

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudChoice

# More than the link carries, so that pre-copy alone would never end.
FAST = {"dirty_rate_mib_per_second": 200}
PATIENCE_SECONDS = 180


def found(record: dict[str, Any], name: str) -> Any:
    """What a validator of the record says: passed or not."""
    return next(finding["passed"] for finding in record["validators"] if finding["name"] == name)


def test_pre_copy_through_nova_takes_longer_than_through_libvirt(site: Site) -> None:
    through_nova = site.measure(scenario("pre-copy"))
    assert through_nova["outcome"] == "completed", through_nova["reason"]
    assert found(through_nova, "memory_verified")
    assert found(through_nova, "strategy_happened")
    times = through_nova["raw"]["migration"]["nova"]
    order = ["requested", "accepted", "libvirt_begun", "libvirt_ended", "ended"]
    assert [times[f"{moment}_ns"] for moment in order] == sorted(times[f"{moment}_ns"] for moment in order)
    assert [entry["status"] for entry in times["statuses"]][-1] == "completed"
    through_libvirt = site.measure(scenario("pre-copy", "libvirt"))
    assert through_libvirt["outcome"] == "completed"
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


def test_a_cloud_that_cannot_be_had_is_told_in_a_sentence(site: Site) -> None:
    elsewhere = Site(site.pair, CloudChoice("another", site.choice.config_file), site.folder)
    with pytest.raises(InstrumentError, match="The cloud another is not known"):
        elsewhere.measure(scenario("pre-copy"))


def test_guest_is_whole_on_one_host_when_the_source_loses_its_nova_compute(site: Site) -> None:
    killer = _Killer(site)
    killer.start()
    record = site.measure(scenario("hybrid", **FAST))
    killer.join()
    for host in site.pair:
        on(host, "systemctl start nova-compute")
    assert killer.struck
    assert record["raw"]["guest_location"] in ("source", "destination") or record["outcome"] == "lost"
    if record["outcome"] != "lost":
        assert found(record, "memory_verified"), record["reason"]


class _Killer(threading.Thread):
    """Kills the nova-compute of the host that a guest is about to leave, once its migration runs."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._site = site
        self.struck = False

    def run(self) -> None:
        """Look until there is a migration that runs."""
        cloud, deadline = self._site.cloud, time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for server in cloud.servers(["stsm-guest"]):
                migration = cloud.last_migration(server["id"])
                if migration is not None and migration["status"] == "running":
                    on(self._site.host(migration["source_compute"]), "systemctl kill --signal=KILL nova-compute")
                    self.struck = True
                    return
            time.sleep(0.5)
