# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Whatever becomes of Nova, a record says where the guest is, or a sentence why there is none."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from measured_pair import found
from openstack_hosts import FAST, Site, scenario
from own_guest import on

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudChoice

if TYPE_CHECKING:
    from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

CONTROL = "control"
KILL = "systemctl kill --signal=KILL nova-compute"
# Asked at the host that is struck: the switch is over in less time than it takes to ask from here.
KILL_AFTER_THE_SWITCH = (
    f"for _ in $(seq 600); do virsh domstate --reason $(virsh list --name) | grep -q post-copy && {KILL} && exit; "
    "sleep 0.02; done; exit 1"
)
# What is struck: the host that Nova names so in its migration, or the control host.
STRIKES = {
    "source": ("source_compute", KILL),
    "destination": ("dest_compute", KILL),
    "source after the switch": ("source_compute", KILL_AFTER_THE_SWITCH),
    "destination after the switch": ("dest_compute", KILL_AFTER_THE_SWITCH),
    "RabbitMQ": (CONTROL, "systemctl restart rabbitmq-server"),
}


@pytest.mark.parametrize("struck", STRIKES)
def test_guest_is_whole_on_one_host_when_a_service_is_lost_while_it_migrates(site: Site, struck: str) -> None:
    striker = _Striker(site, *STRIKES[struck])
    striker.start()
    try:
        site.measure(scenario("hybrid", **FAST))
    finally:
        striker.end()
        site.revive()
    assert striker.has_struck
    record = site.records()[0]
    assert record["raw"]["guest_location"] in ("source", "destination"), record["reason"]
    assert found(record, "memory_verified"), record["reason"]
    assert record["raw"]["guest_location"] in record["reason"]
    if "after the switch" in struck:
        assert record["raw"]["guest_location"] == "destination"


def test_an_instance_in_error_is_replaced(site: Site) -> None:
    site.start_guest(scenario("pre-copy"))
    (former,) = site.cloud.servers(["stsm-guest"])
    site.openstack(f"server set --state error {former['id']}")
    record = site.measure(scenario("pre-copy"))
    assert record["outcome"] == "completed", record["reason"]
    (server,) = site.cloud.servers(["stsm-guest"])
    assert server["id"] != former["id"]


@pytest.mark.parametrize(
    ("before", "words", "after"),
    [
        (
            "compute service set --disable {host} nova-compute",
            "could not start the guest stsm-guest, which is ERROR .*No valid host was found",
            "compute service set --enable {host} nova-compute",
        ),
        ("quota set --instances 0 admin", "Quota exceeded for instances", "quota delete --compute admin"),
    ],
    ids=["no valid host", "quota"],
)
def test_a_guest_that_the_cloud_does_not_take_leaves_nothing(site: Site, before: str, words: str, after: str) -> None:
    site.remove_guest()
    try:
        for host in site.pair:
            site.openstack(before.format(host=host.name))
        with pytest.raises(InstrumentError, match=words):
            site.measure(scenario("pre-copy"))
    finally:
        for host in site.pair:
            site.openstack(after.format(host=host.name))
    assert site.cloud.servers(["stsm-guest"]) == []


def test_an_image_whose_upload_was_interrupted_is_made_anew(site: Site) -> None:
    upload = "openstack --os-cloud stsm image create --disk-format raw --container-format bare stsm-interrupted"
    on(site.control, f"(head -c 1M /dev/urandom; sleep 15) | timeout --signal=KILL 15 {upload} || true")
    assert "queued" in site.openstack("image list --name stsm-interrupted")
    assert site.cloud.image_id("stsm-interrupted") is None
    made = site.cloud.upload("stsm-interrupted", "raw", "bare", b"whole")
    assert site.cloud.image_id("stsm-interrupted") == made
    site.openstack(f"image delete {made}")


def test_a_cloud_that_cannot_be_had_is_told_in_a_sentence(site: Site) -> None:
    elsewhere = replace(site, choice=CloudChoice("another", site.choice.config_file))
    with pytest.raises(InstrumentError, match="The cloud another is not known"):
        elsewhere.measure(scenario("pre-copy"))


def test_a_wrong_password_is_told_in_a_sentence(site: Site, tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(Path(str(site.choice.config_file)).read_text().replace("password: ", "password: not-"))
    with pytest.raises(InstrumentError, match=r"The cloud stsm did not do .*authentication.*HTTP 401"):
        replace(site, choice=replace(site.choice, config_file=str(clouds))).measure(scenario("pre-copy"))


class _Striker(threading.Thread):
    """Strikes a service once the guest's migration runs."""

    def __init__(self, site: Site, struck: str, blow: str) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._struck, self._blow = struck, blow
        self._former_ids = {migration["id"] for migration in self._migrations()}
        self._ended = threading.Event()
        self.has_struck = False

    def run(self) -> None:
        """Look until there is a new migration that runs, or none to come."""
        while not self._ended.wait(0.5):
            for migration in self._migrations():
                if migration["status"] == "running" and migration["id"] not in self._former_ids:
                    on(self._host(migration), self._blow)
                    self.has_struck = True
                    return

    def _host(self, migration: dict[str, Any]) -> Host:
        return self._site.control if self._struck == CONTROL else self._site.host(migration[self._struck])

    def _migrations(self) -> list[dict[str, Any]]:
        """The guest's last one, if it has had any."""
        found = [self._site.cloud.last_migration(server["id"]) for server in self._site.cloud.servers(["stsm-guest"])]
        return [dict(migration) for migration in found if migration is not None]

    def end(self) -> None:
        """Look no more; returns when a blow that is under way has been dealt."""
        self._ended.set()
        self.join()
