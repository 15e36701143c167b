# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest's memory and lines after a real migration between two QEMU processes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import GuestError, Machine

pytestmark = pytest.mark.guest

_MIGRATION_SECONDS = 90.0
# Slow enough that the first pass takes a while and post-copy has pages left to fetch.
_BANDWIDTH_BYTES_PER_SECOND = 150 * 1048576


@pytest.fixture
def pair(image: Path, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """A booted source and a destination that waits for it."""
    machines = [Machine(image, tmp_path, "source", network=False)]
    try:
        uri = f"unix:{tmp_path / 'migration.sock'}"
        machines.append(Machine(image, tmp_path, "destination", network=False, incoming=uri))
        machines[0].wait_until_ready()
        yield machines[0], machines[1]
    finally:
        for machine in machines:
            machine.stop()


def _wait_for_status(machine: Machine, *wanted: str) -> dict[str, object]:
    end = time.monotonic() + _MIGRATION_SECONDS
    information: dict[str, object] = {}
    while time.monotonic() < end:
        information = machine.monitor.execute("query-migrate")
        if information.get("status") in wanted:
            return information
        if information.get("status") == "failed":
            break
        time.sleep(0.02)
    raise GuestError(f"migration is not {wanted}: {information}")


def _capabilities(machines: tuple[Machine, Machine], *names: str) -> None:
    for machine in machines:
        states = [{"capability": name, "state": True} for name in names]
        machine.monitor.execute("migrate-set-capabilities", capabilities=states)


def _start(source: Machine, destination: Machine) -> None:
    source.monitor.execute(
        "migrate-set-parameters",
        **{"max-bandwidth": _BANDWIDTH_BYTES_PER_SECOND, "downtime-limit": 1000},
    )
    uri = f"unix:{destination.directory.parent / 'migration.sock'}"
    source.monitor.execute("migrate", uri=uri)


def _check_after(source: Machine, destination: Machine, touched_before: int) -> None:
    """The guest runs on, its memory is right, and no line is lost, doubled or broken over both files."""
    report = destination.command_as(1001, "report")
    assert report["touched_pages"] > touched_before
    verified = destination.command_as(1002, "verify")
    assert (verified["kind"], verified["wrong_count"], verified["wrong"]) == ("verified", 0, [])
    lines = sorted(source.lines() + destination.lines(), key=lambda line: int(line["sequence"]))
    assert [line["sequence"] for line in lines] == list(range(len(lines)))
    assert [line["guest_ns"] for line in lines] == sorted(line["guest_ns"] for line in lines)


def _touch(source: Machine, rate_mib_per_second: float) -> int:
    """Start a window; returns pages touched in it so far."""
    source.command("configure", rate_mib_per_second=rate_mib_per_second, pattern="sequential")
    source.command("mark")
    time.sleep(0.5)
    touched: int = source.command("report")["touched_pages"]
    return touched


def test_pre_copy(pair: tuple[Machine, Machine]) -> None:
    source, destination = pair
    touched = _touch(source, 20)
    _start(source, destination)
    _wait_for_status(source, "completed")
    _check_after(source, destination, touched)


def test_post_copy(pair: tuple[Machine, Machine]) -> None:
    source, destination = pair
    _capabilities(pair, "postcopy-ram")
    touched = _touch(source, 400)
    _start(source, destination)
    time.sleep(0.5)
    source.monitor.execute("migrate-start-postcopy")
    information = _wait_for_status(source, "completed")
    ram = information["ram"]
    assert isinstance(ram, dict)
    assert ram["postcopy-requests"] > 0
    _check_after(source, destination, touched)


def test_fault_is_found_after_migration(pair: tuple[Machine, Machine]) -> None:
    source, destination = pair
    source.command("inject", page=12_345, fault="stale")
    _start(source, destination)
    _wait_for_status(source, "completed")
    verified = destination.command_as(1001, "verify")
    assert (verified["wrong_count"], verified["wrong"][0]["page"]) == (1, 12_345)
