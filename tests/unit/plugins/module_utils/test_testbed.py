# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests are brought to one host before they move at once; what is not ours is refused and never ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _testbed
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import description
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

ABSENT = {"state": "absent", "description": "", "persistent": False, "traits": []}
FACTS = {"qemu_version": "11.1.3", "workload_digest": "d"}
ADDRESS = "198.51.100.7/24"


class FakeHost:
    """A host whose guests are what it was told to start."""

    def __init__(self, name: str) -> None:
        self.host = SimpleNamespace(name=name, tenant_bridge="tenant0", emulator="", shared_folder="/shared")
        self.guests: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, str] = {}
        self.done: list[str] = []

    def forget(self, *_kinds: str, **_fields: Any) -> None:
        return

    def call(self, name: str, guest: str = "", definition: str = "", **arguments: Any) -> Any:
        if name == "guest_state":
            return self.guests.get(guest, ABSENT)
        if name == "guest_states":
            return {guest: self.guests.get(guest, ABSENT) for guest in arguments["guests"]}
        if name == "start_guest":
            guest = ElementTree.fromstring(definition).findtext("name") or ""
            self.guests[guest] = {**ABSENT, "state": "running", "description": description(definition)}
            self.definitions[guest] = definition
        if name == "destroy_guest":
            del self.guests[guest]
            self.done.append(f"{name} {guest}")
            return []
        # What becomes of a guest, not what goes along with it.
        if name not in ("follow_guest", "discard_disk"):
            self.done.append(f"{name} {guest}")
        return None


@pytest.fixture
def hosts() -> tuple[FakeHost, FakeHost]:
    return FakeHost("a"), FakeHost("b")


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuestChannel, "wait_ready", lambda *_arguments: {})


def both(hosts: tuple[FakeHost, FakeHost]) -> _testbed.Testbed:
    return _testbed.Testbed(hosts, {"a": FACTS, "b": FACTS})  # type: ignore[arg-type]


def asked(**top: Any) -> Scenario:
    workload = {} if "domain" in top.get("guest", {}) else {"workload": {"dirty_rate_mib_per_second": 1}}
    link = {"rate_mbit_per_second": 1000}
    return Scenario.from_dict({"link": link, "strategy": {"name": "hybrid"}, **workload, **top})


def settle(hosts: tuple[FakeHost, FakeHost], **top: Any) -> list[_testbed.GuestSite]:
    for host in hosts:
        host.done.clear()
    return _testbed.settle_guests(both(hosts), asked(**top), ADDRESS)


def test_guests_are_started_together_with_names_addresses_and_interfaces_of_their_own(
    hosts: tuple[FakeHost, FakeHost],
) -> None:
    sites = settle(hosts, guests=3)
    assert [site.guest for site in sites] == ["stsm-guest", "stsm-guest-2", "stsm-guest-3"]
    assert [site.probe_address for site in sites] == ["198.51.100.7", "198.51.100.8", "198.51.100.9"]
    assert {site.source.host.name for site in sites} == {"a"}
    definitions = [ElementTree.fromstring(hosts[0].definitions[site.guest]) for site in sites]
    macs = [definition.find("devices/interface/mac").get("address") for definition in definitions]  # type: ignore[union-attr]
    assert macs == ["52:54:00:73:74:6d", "52:54:00:73:74:6e", "52:54:00:73:74:6f"]
    assert "stsm.address=198.51.100.9/24" in (definitions[2].findtext("os/cmdline") or "")


def test_guests_that_are_there_stay_and_those_too_many_are_ended(hosts: tuple[FakeHost, FakeHost]) -> None:
    settle(hosts, guests=3)
    assert len(settle(hosts, guests=2)) == 2
    assert hosts[0].done == ["destroy_guest stsm-guest-3"]
    _testbed.retire_guests(both(hosts), asked().guest)
    assert hosts[0].guests == {}


def test_a_guest_on_the_other_host_is_started_anew_beside_the_first(hosts: tuple[FakeHost, FakeHost]) -> None:
    settle(hosts, guests=2)
    hosts[1].guests["stsm-guest"] = hosts[0].guests.pop("stsm-guest")
    sites = settle(hosts, guests=2)
    assert [site.source.host.name for site in sites] == ["b", "b"]
    assert hosts[0].done == ["destroy_guest stsm-guest-2"]
    assert hosts[1].done == ["start_guest stsm-guest-2"]


def test_a_guest_of_other_settings_is_started_anew(hosts: tuple[FakeHost, FakeHost]) -> None:
    settle(hosts, guests=2)
    settle(hosts, guests=2, guest={"memory_mib": 1024})
    assert hosts[0].done[:2] == ["destroy_guest stsm-guest", "destroy_guest stsm-guest-2"]
    assert hosts[0].done[2:] == ["start_guest stsm-guest", "start_guest stsm-guest-2"]


def test_guests_that_do_not_boot_are_removed_again(
    hosts: tuple[FakeHost, FakeHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(channel: GuestChannel, *_arguments: Any) -> None:
        raise InstrumentError("It did not boot.")

    monkeypatch.setattr(GuestChannel, "wait_ready", fail)
    with pytest.raises(InstrumentError, match="did not boot"):
        settle(hosts, guests=2)
    assert hosts[0].guests == {}


@pytest.mark.parametrize("number", [1, 2])
def test_a_stranger_of_that_name_is_refused_and_left_alone(hosts: tuple[FakeHost, FakeHost], number: int) -> None:
    name = "stsm-guest" if number == 1 else "stsm-guest-2"
    hosts[1].guests[name] = {**ABSENT, "state": "running", "description": "somebody's"}
    with pytest.raises(InstrumentError, match=f"The guest {name} on b is a site's own"):
        settle(hosts, guests=2)
    settle(hosts, guest={"name": "other"})
    assert name in hosts[1].guests


def test_a_stranger_with_the_name_of_a_guest_too_many_is_left_alone(hosts: tuple[FakeHost, FakeHost]) -> None:
    hosts[1].guests["stsm-guest-2"] = {**ABSENT, "state": "running", "description": "somebody's"}
    settle(hosts)
    assert "stsm-guest-2" in hosts[1].guests


def test_a_guest_on_both_hosts_is_refused(hosts: tuple[FakeHost, FakeHost]) -> None:
    settle(hosts, guests=2)
    hosts[1].guests = dict(hosts[0].guests)
    with pytest.raises(InstrumentError, match="exists on a and b"):
        settle(hosts, guests=2)


def test_guests_of_the_site_are_taken_as_they_are_if_they_are_on_one_host(hosts: tuple[FakeHost, FakeHost]) -> None:
    running = {**ABSENT, "state": "running", "persistent": True}
    hosts[1].guests = {"web": running, "web-2": running}
    sites = settle(hosts, guest={"domain": "web"}, guests=2)
    assert [(site.guest, site.source.host.name, site.persistent) for site in sites] == [
        ("web", "b", True),
        ("web-2", "b", True),
    ]
    hosts[0].guests = {"web-2": hosts[1].guests.pop("web-2")}
    with pytest.raises(InstrumentError, match="web runs on b and web-2 on a, but guests that move at once"):
        settle(hosts, guest={"domain": "web"}, guests=2)
    assert hosts[0].done == hosts[1].done == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("198.51.100.253/24", "no 3 addresses from there on"),
        ("somewhere", "from which no address of 2 guests can be counted"),
    ],
)
def test_addresses_that_cannot_be_counted_are_refused(
    hosts: tuple[FakeHost, FakeHost], address: str, words: str
) -> None:
    with pytest.raises(InstrumentError, match=words):
        _testbed.settle_guests(both(hosts), asked(guests=3), address)
    assert hosts[0].guests == {}


def test_without_an_address_nobody_is_probed(hosts: tuple[FakeHost, FakeHost]) -> None:
    sites = _testbed.settle_guests(both(hosts), asked(guests=2), None)
    assert [site.probe_address for site in sites] == [None, None]
