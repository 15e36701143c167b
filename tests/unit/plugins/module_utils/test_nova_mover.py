# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's part of a migration through Nova, against a scripted libvirt: whom it asks, and when it counts time."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _libvirt_mover, _migration
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._nova_mover import NovaMover

MEMORY = {"memory_total": 409_600, "memory_page_size": 4096, "memory_normal": 10}
WITNESS: Any = SimpleNamespace(look=lambda: None, told=lambda: {})


class FakeLibvirtError(Exception):
    """libvirt's error, without libvirt."""

    def get_error_code(self) -> int:
        return 1


class Domain:
    """A domain that Nova has libvirt move as the test says."""

    def __init__(self) -> None:
        self.job: dict[str, int] | None = {}
        self.switches = 0
        self.aborts = 0
        self.downtimes: list[int] = []

    def jobStats(self) -> dict[str, int]:  # noqa: N802
        if self.job is None:
            raise FakeLibvirtError("Domain not found")
        return self.job

    def migrateStartPostCopy(self, _flags: int) -> None:  # noqa: N802
        self.switches += 1

    def abortJob(self) -> None:  # noqa: N802
        if not self.job:
            raise FakeLibvirtError("no job is active on the domain")
        self.aborts += 1
        self.job = {}

    def migrateGetMaxDowntime(self, _flags: int) -> int:  # noqa: N802
        return 300

    def migrateSetMaxDowntime(self, milliseconds: int, _flags: int) -> None:  # noqa: N802
        self.downtimes.append(milliseconds)


class Watched:
    """A migration that is watched, and what was told of it."""

    def __init__(self, **request: Any) -> None:
        self.domain, self.notices = Domain(), []  # type: ignore[var-annotated]
        asked = {
            "switch": "never",
            "switch_number": None,
            "switch_by": "nova",
            "recovers": False,
            "time_limit_seconds": 30.0,
            "downtime_limit_ms": None,
            "holds_downtime_limit": True,
            **request,
        }
        self.mover = NovaMover(self.domain, asked, self.tell)
        self.migration = _migration.Migration("instance-1", self.mover, asked, self.tell, WITNESS)
        self.migration.start()

    def tell(self, notice: str, **fields: Any) -> None:
        self.notices.append({"notice": notice, **fields})

    def told(self, notice: str) -> list[dict[str, Any]]:
        return [entry for entry in self.notices if entry["notice"] == notice]


@pytest.fixture(autouse=True)
def _libvirt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _libvirt_mover, "libvirt", SimpleNamespace(libvirtError=FakeLibvirtError, VIR_ERR_MIGRATE_UNSAFE=81)
    )


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_end_is_novas_and_libvirts_job_is_told_apart_from_it() -> None:
    watched = Watched()
    watched.domain.job = MEMORY
    wait_until(lambda: watched.told("job"))
    watched.domain.job = None
    wait_until(lambda: len(watched.told("nova_job")) == 2)
    assert [entry["state"] for entry in watched.told("nova_job")] == ["begun", "ended"]
    assert not watched.told("finished")
    watched.mover.conclude(None)
    wait_until(lambda: watched.told("finished"))
    assert watched.told("finished")[0]["error"] is None


def test_switch_is_asked_for_once_and_counts_when_nova_has_taken_the_order() -> None:
    watched = Watched(switch="at-once")
    watched.domain.job = MEMORY
    wait_until(lambda: watched.told("switch_due"))
    time.sleep(0.1)
    assert len(watched.told("switch_due")) == 1
    assert watched.domain.switches == 0
    confirmed_ns = time.monotonic_ns()
    watched.mover.confirm_switch()
    time.sleep(0.1)
    watched.mover.conclude(None)
    wait_until(lambda: watched.told("finished"))
    assert watched.told("finished")[0]["switch_requested_ns"] >= confirmed_ns


def test_switch_through_libvirt_is_made_at_once() -> None:
    watched = Watched(switch="at-once", switch_by="libvirt")
    watched.domain.job = MEMORY
    wait_until(lambda: watched.domain.switches)
    watched.mover.conclude(None)
    assert not watched.told("switch_due")


def test_time_limit_counts_from_libvirts_job_and_ends_it_there() -> None:
    watched = Watched(time_limit_seconds=0.2)
    time.sleep(0.5)
    assert watched.domain.aborts == 0
    watched.domain.job = MEMORY
    wait_until(lambda: watched.domain.aborts)
    watched.mover.conclude("Nova calls the migration failed")
    wait_until(lambda: watched.told("finished"))
    end = watched.told("finished")[0]
    assert (end["abort_reason"], end["error"]) == ("time-limit", "Nova calls the migration failed")


def test_downtime_limit_is_set_again_since_nova_sets_its_own() -> None:
    watched = Watched(downtime_limit_ms=1)
    watched.domain.job = MEMORY
    wait_until(lambda: watched.domain.downtimes.count(1) > 1)
    watched.mover.conclude(None)
