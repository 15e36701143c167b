# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults strike at their moment and are over when they should be; a stream that stands still is noticed."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _faults
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._stall import STALL_NS, Stall


class Cuts:
    """In place of a link, which no unit test may cut: what would be cut, and whether it was healed."""

    def __init__(self) -> None:
        self.open = 0
        self.most_at_once = 0
        self.seconds: list[float] = []

    def __call__(self, _interface: str, seconds: float) -> Cuts:
        self.seconds.append(seconds)
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)
        return self

    def heal(self) -> None:
        self.open -= 1


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> Cuts:
    made = Cuts()
    monkeypatch.setattr(_faults, "LinkCut", made)
    return made


def armed(**request: Any) -> tuple[_faults.Fault, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    asked = {"kind": "link-cut", "at": "post-copy", "seconds": 0.05, "interface": "migration", **request}
    return _faults.Fault("guest", asked, lambda _notice, **fields: told.append(fields)), told


def states(told: list[dict[str, Any]]) -> list[str]:
    return [fields["data"]["state"] for fields in told]


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_cut_at_post_copy_strikes_after_the_switch_once_and_is_told(cuts: Cuts) -> None:
    fault, told = armed()
    for status in ("setup", "active", "device", "postcopy-device"):
        fault.note_status(status)
    assert not told
    fault.note_status("postcopy-active")
    wait_until(lambda: states(told) == ["begun", "over"])
    fault.note_status("postcopy-active")
    fault.disarm()
    assert (cuts.seconds, cuts.open) == ([0.05], 0)
    assert told[1]["at_ns"] - told[0]["at_ns"] >= 50_000_000
    assert {fields["event"] for fields in told} == {"STSM_FAULT"}


def test_a_cut_at_recovery_strikes_once_more_and_never_twice_at_once(cuts: Cuts) -> None:
    fault, told = armed(at="recovery")
    for status in ("active", "postcopy-active", "postcopy-paused", "postcopy-recover-setup", "postcopy-recover"):
        fault.note_status(status)
    wait_until(lambda: states(told) == ["begun", "over"] * 2)
    fault.disarm()
    assert (len(cuts.seconds), cuts.most_at_once, cuts.open) == (2, 1, 0)


def test_a_cut_on_pre_copy_strikes_into_the_stream(cuts: Cuts) -> None:
    fault, told = armed(at="pre-copy")
    began = time.monotonic()
    fault.note_status("active")
    wait_until(lambda: told)
    assert time.monotonic() - began >= 0.3
    fault.disarm()
    assert cuts.open == 0


def test_a_fault_that_is_disarmed_heals_at_once(cuts: Cuts) -> None:
    fault, told = armed(seconds=60)
    fault.note_status("postcopy-active")
    wait_until(lambda: told)
    fault.disarm()
    assert cuts.open == 0
    fault.note_status("postcopy-active")
    assert len(cuts.seconds) == 1


def test_a_kill_ends_the_process_of_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(_faults, "guest_pid", lambda _guest: process.pid)
    fault, told = armed(kind="kill", seconds=None)
    fault.note_status("postcopy-active")
    assert process.wait(10) == -9
    fault.disarm()
    assert states(told) == ["begun"]


def test_a_kill_without_a_process_is_told_to_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_faults, "guest_pid", lambda _guest: None)
    fault, told = armed(kind="kill", seconds=None)
    fault.note_status("postcopy-active")
    wait_until(lambda: states(told) == ["failed"])
    fault.disarm()
    assert "has no QEMU on this host" in told[0]["data"]["reason"]


def test_a_stream_stands_still_when_neither_bytes_nor_requests_come() -> None:
    stall = Stall()
    assert not stall.stands(0, {"memory_processed_bytes": 10})
    assert not stall.stands(STALL_NS - 1, {"memory_processed_bytes": 10})
    assert stall.stands(STALL_NS, {"memory_processed_bytes": 10})
    # Told once, and again after as long a time.
    assert not stall.stands(STALL_NS + 1, {"memory_processed_bytes": 10})
    assert stall.stands(2 * STALL_NS, {"memory_processed_bytes": 10})
    assert not stall.stands(9 * STALL_NS, {"memory_processed_bytes": 10, "memory_postcopy_requests": 1})
