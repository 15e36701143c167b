# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A post-copy by hand that breaks is resumed at both ends or given up in words, against scripted hosts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers import _recovery
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario


class ScriptedHost:
    """A host that notes its calls; those in *refuses* are refused."""

    def __init__(self, name: str, refuses: dict[str, str] | None = None) -> None:
        self.host = Host(name, "192.0.2.1", "198.51.100.2")
        self.refuses = refuses or {}
        self.status = "postcopy-active"
        self.calls: list[str] = []

    def call(self, name: str, **arguments: Any) -> Any:
        assert arguments.pop("guest") == "guest"
        self.calls.append(name)
        if name in self.refuses:
            raise InstrumentError(self.refuses[name])
        return "tcp:198.51.100.2:49152" if name == "await_rest" else None

    def notices(self, kind: str, **_fields: Any) -> list[dict[str, Any]]:
        assert kind == "event"
        return [{"data": {"status": "active"}}, {"data": {"status": self.status}}]


class Clock:
    """The time, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(_recovery, "time", made)
    return made


def scenario(recovers: bool = True) -> Scenario:
    return Scenario.from_dict(
        {
            "workload": {"working_set_mib": 64, "dirty_rate_mib_per_second": 1},
            "link": {"rate_mbit_per_second": 1000},
            "strategy": {"name": "hybrid", "recovers": recovers},
            "driver": "qmp",
            "time_limit_seconds": 10,
        }
    )


def made(destination: ScriptedHost | None = None) -> tuple[_recovery.Recovery, ScriptedHost, ScriptedHost]:
    source, destination = ScriptedHost("a"), destination or ScriptedHost("b")
    return _recovery.Recovery("guest", source, destination), source, destination  # type: ignore[arg-type]


def test_nothing_is_done_to_a_stream_that_flows(clock: Clock) -> None:
    recovery, source, destination = made()
    recovery.look(scenario())
    assert (source.calls, destination.calls) == ([], [])


def test_the_destination_waits_before_the_source_sends(clock: Clock) -> None:
    recovery, source, destination = made()
    source.status = "postcopy-paused"
    recovery.look(scenario())
    assert destination.calls == ["pause_stream", "await_rest"]
    assert source.calls == ["send_rest"]
    assert recovery.attempts == [None]


def test_it_is_tried_again_but_not_all_the_time(clock: Clock) -> None:
    recovery, source, destination = made()
    source.status = "postcopy-paused"
    source.refuses = {"send_rest": "no route"}
    for _look in range(10):
        clock.now += 0.25
        recovery.look(scenario())
    assert 2 <= len(recovery.attempts) <= 3
    assert set(recovery.attempts) == {"no route"}
    # A destination that waits already refuses to be told again, and is sent to all the same.
    destination.refuses = {"await_rest": "Migrate recovery is triggered already"}
    source.refuses = {}
    clock.now += 2
    recovery.look(scenario())
    assert recovery.attempts[-1] is None


@pytest.mark.parametrize("status", ["postcopy-paused", "postcopy-recover-setup"])
def test_it_is_given_up_at_the_time_limit(clock: Clock, status: str) -> None:
    recovery, source, _destination = made()
    source.status = status
    recovery.look(scenario())
    clock.now += 11
    recovery.look(scenario())
    assert recovery.given_up_because == "the stream broke in post-copy and was not back within 10 s"
    assert source.calls[-1] == "dismiss_guest"


def test_a_stream_that_broke_twice_has_its_whole_time_twice(clock: Clock) -> None:
    recovery, source, _destination = made()
    for status in ("postcopy-paused", "postcopy-active", "postcopy-paused"):
        source.status = status
        recovery.look(scenario())
        clock.now += 8
    recovery.look(scenario())
    assert recovery.given_up_because is None


def test_what_is_not_to_be_recovered_is_given_up_at_once(clock: Clock) -> None:
    recovery, source, _destination = made()
    source.status = "postcopy-paused"
    recovery.look(scenario(recovers=False))
    assert recovery.given_up_because == "the stream broke in post-copy, and strategy.recovers is not set"
    assert source.calls == ["dismiss_guest"]


def test_a_destination_that_is_gone_cannot_be_recovered(clock: Clock) -> None:
    recovery, source, _destination = made(ScriptedHost("b", {"pause_stream": "b: signal 9 ended it"}))
    source.status = "postcopy-paused"
    recovery.look(scenario())
    assert recovery.given_up_because == (
        "the stream broke in post-copy, and the destination's QEMU is gone (b: signal 9 ended it)"
    )
    assert source.calls == ["dismiss_guest"]
