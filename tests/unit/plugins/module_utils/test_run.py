# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of several guests against hosts that do as they are told: what one of them suffers, the others survive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _run, _testbed
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import ClockOffset
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

SITE_GUESTS = {
    "guest": {"domain": "web"},
    "link": {"rate_mbit_per_second": 1000},
    "strategy": {"name": "pre-copy"},
    "warm_up_seconds": 0.01,
}


class FakeHost:
    """A host on which every migration takes 50 ms, but those of *refused* guests do not begin."""

    def __init__(self, name: str) -> None:
        self.host = SimpleNamespace(
            name=name, migration_interface="migration", migration_address="192.0.2.1", libvirt_transport="tls"
        )
        self.host.libvirt_name, self.host.libvirt_port = name, 0
        self.refused: set[str] = set()
        self.peer: FakeHost | None = None
        self.guests: set[str] = set()
        self.begun: dict[str, float] = {}
        self.sampled: list[str] = []
        self.loads: list[str] = []

    def measure_clock(self) -> ClockOffset:
        return ClockOffset(0, 0)

    def forget(self, *_kinds: str, **_fields: Any) -> None:
        return

    def notices(self, kind: str, guest: str) -> list[dict[str, Any]]:
        if kind == "job":
            return [{"at_ns": 1, "guest": guest, "statistics": {"memory_processed_bytes": 100}}]
        return [{"at_ns": 1, "guest": guest, "rx_bytes": 0, "tx_bytes": 0}] if kind == "network" else []

    def wait_for(self, _kind: str, _timeout_seconds: float, guest: str) -> dict[str, Any]:
        time.sleep(0.05)
        assert self.peer is not None
        self.guests.discard(guest)
        self.peer.guests.add(guest)
        began_ns = int(self.begun[guest] * 1e9)
        end = {"start_ns": began_ns, "end_ns": began_ns + 50_000_000, "switch_requested_ns": None}
        return {"at_ns": 1, "guest": guest, **end, "abort_reason": None, "error": None}

    def call(self, name: str, guest: str = "", **_arguments: Any) -> Any:
        if name == "migrate":
            if guest in self.refused:
                raise InstrumentError(f"There is no guest {guest} on this host.")
            self.begun[guest] = time.monotonic()
        if name == "guest_state":
            return {"state": "running" if guest in self.guests else "absent"}
        if name in ("start_sampling", "stop_sampling"):
            self.sampled.append(f"{name} {guest}")
        if name in ("load_processors", "send_load", "receive_load", "stop_loads"):
            self.loads.append(name)
            return {}
        return {} if name == "ask_qemu" else None


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "COOL_DOWN_SECONDS", 0.01)


@pytest.fixture
def hosts() -> tuple[FakeHost, FakeHost]:
    source, destination = FakeHost("a"), FakeHost("b")
    source.peer = destination
    source.guests = {"web", "web-2", "web-3"}
    return source, destination


def measure(
    hosts: tuple[FakeHost, FakeHost], interrupted: Callable[[], bool] = lambda: False, **asked: Any
) -> list[dict[str, Any]]:
    source, destination = hosts
    scenario = Scenario.from_dict({**SITE_GUESTS, "guests": 3, **asked})
    names = [scenario.guest_of(number).name for number in (1, 2, 3)]
    sites = [_testbed.GuestSite(name, source, destination, None, True) for name in names]  # type: ignore[arg-type]
    testbed = _testbed.Testbed([source, destination], {"a": {"name": "a"}, "b": {"name": "b"}})  # type: ignore[list-item]
    return _run.measure(testbed, sites, scenario, interrupted)


def test_guests_begin_at_the_same_moment_and_each_gives_an_observation(hosts: tuple[FakeHost, FakeHost]) -> None:
    seen = measure(hosts)
    assert [observation["group"]["guest"] for observation in seen] == ["web", "web-2", "web-3"]
    assert [observation["guest_location"] for observation in seen] == ["destination"] * 3
    begun = [observation["migration"]["start_ns"] for observation in seen]
    assert max(begun) - min(begun) < 50_000_000
    group = seen[0]["group"]
    assert (group["start_ns"], group["end_ns"]) == (min(begun), max(begun) + 50_000_000)
    assert (group["transferred_bytes"], group["disk_bytes"]) == (300, None)
    assert set(seen[0]["stages"]) == {"prepare", "warm_up", "migration", "cool_down", "verify"}
    assert "guest" not in seen[0]["network"]["source"][0]


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_guests_than_asked_move_at_a_time(hosts: tuple[FakeHost, FakeHost], at_once: int) -> None:
    moved = sorted(
        (observation["migration"]["start_ns"], observation["migration"]["end_ns"])
        for observation in measure(hosts, migrations_at_once=at_once)
    )
    for begun, _ended in moved:
        assert sum(other <= begun < ended for other, ended in moved) <= at_once
    assert moved[at_once][0] >= min(ended for _begun, ended in moved)
    assert moved[at_once - 1][0] < moved[0][1]


def test_those_whose_turn_has_not_come_stay_where_they_are_when_it_is_interrupted(
    hosts: tuple[FakeHost, FakeHost],
) -> None:
    seen = measure(hosts, lambda: bool(hosts[0].begun), migrations_at_once=1)
    assert len(hosts[0].begun) == 1
    assert [observation["migration"]["abort_reason"] for observation in seen].count("interrupted") == 2
    assert sorted(observation["guest_location"] for observation in seen) == ["destination", "source", "source"]


def test_one_that_cannot_begin_is_told_and_the_others_move(hosts: tuple[FakeHost, FakeHost]) -> None:
    hosts[0].refused = {"web-2"}
    first, second, third = measure(hosts)
    assert second["migration"]["error"] == "There is no guest web-2 on this host."
    assert [seen["guest_location"] for seen in (first, second, third)] == ["destination", "source", "destination"]
    assert first["group"]["transferred_bytes"] is None


def test_a_run_in_which_none_begins_is_none(hosts: tuple[FakeHost, FakeHost]) -> None:
    hosts[0].refused = {"web", "web-2", "web-3"}
    with pytest.raises(InstrumentError, match="There is no guest web on"):
        measure(hosts)
    assert sorted(hosts[1].sampled) == sorted(
        f"{what}_sampling {guest}" for what in ("start", "stop") for guest in ("web", "web-2", "web-3")
    )


def test_an_interruption_before_the_first_byte_leaves_no_run_and_nothing_behind(
    hosts: tuple[FakeHost, FakeHost],
) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(hosts, lambda: True, background={"cpu_percent": 5, "link_mbit_per_second": 10})
    assert hosts[0].begun == {}
    assert len([call for call in hosts[0].sampled if call.startswith("stop")]) == 3
    assert hosts[0].loads == ["load_processors", "send_load", "stop_loads"]
    assert hosts[1].loads == ["load_processors", "receive_load", "stop_loads"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("guest")]
