# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's steering of a migration, against a scripted libvirt: states that a real one cannot be asked for."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _libvirt_mover, _migration


class FakeLibvirtError(Exception):
    """libvirt's error, without libvirt."""

    def get_error_code(self) -> int:
        """The code of an unsafe migration for its words, another one for all others."""
        return 81 if str(self).startswith("Unsafe migration") else 1


FAKE_LIBVIRT = SimpleNamespace(
    libvirtError=FakeLibvirtError,
    VIR_MIGRATE_LIVE=1,
    VIR_MIGRATE_PEER2PEER=2,
    VIR_MIGRATE_POSTCOPY=32768,
    VIR_MIGRATE_NON_SHARED_DISK=64,
    VIR_ERR_MIGRATE_UNSAFE=81,
)


FORMER_DOWNTIME_MS = 400

# Nobody's QEMU is asked here.
WITNESS: Any = SimpleNamespace(look=lambda: None, told=lambda: {"capabilities": ["events"]})


class ScriptedDomain:
    """A domain whose migration ends when the script says so."""

    def __init__(self, early_switches: int = 0, deaf_aborts: int = 0) -> None:
        self.early_switches = early_switches
        self.deaf_aborts = deaf_aborts
        self.flags: int | None = None
        self.switched = 0
        self.aborted = 0
        self.sent_pages = 10
        self.total_pages = 100
        self.downtimes: list[int] = []
        self._ended = threading.Event()
        self._error: str | None = None

    def end(self, error: str | None = None) -> None:
        self._error = error
        self._ended.set()

    def migrateToURI3(self, _uri: str, _parameters: dict[str, Any], flags: int) -> None:  # noqa: N802
        self.flags = flags
        assert self._ended.wait(10)
        if self._error:
            raise FakeLibvirtError(self._error)

    def migrateStartPostCopy(self, _flags: int) -> None:  # noqa: N802
        if self.early_switches:
            self.early_switches -= 1
            raise FakeLibvirtError("post-copy can only be started while outgoing migration is in progress")
        self.switched += 1

    def abortJob(self) -> None:  # noqa: N802
        self.aborted += 1
        if self.aborted > self.deaf_aborts:
            self.end("operation aborted: migration out: canceled by client")

    def migrateGetMaxDowntime(self, _flags: int) -> int:  # noqa: N802
        return FORMER_DOWNTIME_MS

    def migrateSetMaxDowntime(self, milliseconds: int, _flags: int) -> None:  # noqa: N802
        self.downtimes.append(milliseconds)

    def jobStats(self) -> dict[str, int]:  # noqa: N802
        return {"memory_total": self.total_pages * 4096, "memory_page_size": 4096, "memory_normal": self.sent_pages}


class Notices(list[dict[str, Any]]):
    """Collects notices; ``finished`` waits for the last one."""

    def __call__(self, notice: str, **fields: Any) -> None:
        self.append({"notice": notice, **fields})

    def finished(self) -> dict[str, Any]:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for notice in self:
                if notice["notice"] == "finished":
                    return notice
            time.sleep(0.005)
        raise AssertionError("the migration did not finish")


@pytest.fixture(autouse=True)
def _libvirt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_libvirt_mover, "libvirt", FAKE_LIBVIRT)


def begin(domain: ScriptedDomain, **request: Any) -> tuple[_migration.Migration, Notices]:
    notices = Notices()
    asked = {
        "destination_uri": "qemu+tls://b/system",
        "flags": ["VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER"],
        "parameters": {},
        "switch": "never",
        "switch_number": None,
        "recovers": False,
        "time_limit_seconds": 30,
        "downtime_limit_ms": None,
        **request,
    }
    migration = _migration.Migration("guest", _libvirt_mover.LibvirtMover(domain, asked), asked, notices, WITNESS)
    migration.start()
    return migration, notices


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_pre_copy_completes_and_never_switches() -> None:
    domain = ScriptedDomain()
    _migration_begun, notices = begin(domain, downtime_limit_ms=300)
    wait_until(lambda: any(notice["notice"] == "job" for notice in notices) and domain.downtimes)
    domain.end()
    finished = notices.finished()
    assert (finished["error"], finished["abort_reason"], finished["switch_requested_ns"]) == (None, None, None)
    assert finished["start_ns"] <= finished["end_ns"]
    assert finished["qemu"] == {"capabilities": ["events"]}
    assert domain.flags == 3
    assert domain.downtimes == [300, FORMER_DOWNTIME_MS]
    assert domain.switched == 0


def test_hybrid_switches_when_all_memory_was_sent_once_and_not_at_an_early_look_at_the_bitmap() -> None:
    domain = ScriptedDomain()
    migration, notices = begin(domain, switch="after-first-pass")
    migration.note_pass()
    migration.note_pass()
    time.sleep(0.1)
    assert domain.switched == 0
    domain.sent_pages = 100
    migration.note_pass()
    wait_until(lambda: domain.switched)
    domain.end()
    assert notices.finished()["switch_requested_ns"] > notices.finished()["start_ns"]
    assert domain.switched == 1


def test_post_copy_asks_again_while_libvirt_says_it_is_too_early() -> None:
    domain = ScriptedDomain(early_switches=5)
    _migration_begun, notices = begin(domain, switch="at-once")
    wait_until(lambda: domain.switched)
    domain.end()
    assert notices.finished()["error"] is None
    assert domain.switched == 1


@pytest.mark.parametrize("switch", ["at-once", "after-first-pass"])
def test_no_switch_is_asked_for_while_disks_are_copied(switch: str) -> None:
    domain = ScriptedDomain()
    domain.total_pages = domain.sent_pages = 0
    flags = ["VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER", "VIR_MIGRATE_NON_SHARED_DISK"]
    migration, notices = begin(domain, switch=switch, flags=flags)
    migration.note_pass()
    time.sleep(0.1)
    assert domain.switched == 0
    domain.total_pages = domain.sent_pages = 100
    migration.note_pass()
    wait_until(lambda: domain.switched)
    domain.end()
    assert notices.finished()["switch_requested_ns"] is not None
    assert domain.flags == 1 | 2 | 64


def test_disks_that_are_not_shared_are_told_with_what_to_set() -> None:
    domain = ScriptedDomain()
    _migration_begun, notices = begin(domain)
    domain.end("Unsafe migration: Migration without shared storage is unsafe")
    assert "set guest.copy_disks to true" in notices.finished()["error"]


def test_time_limit_aborts_until_libvirt_obeys() -> None:
    domain = ScriptedDomain(deaf_aborts=3)
    _migration_begun, notices = begin(domain, time_limit_seconds=0.05)
    finished = notices.finished()
    assert finished["abort_reason"] == "time-limit"
    assert "canceled by client" in finished["error"]
    assert domain.aborted >= 4


def test_time_limit_does_not_touch_a_migration_that_has_switched() -> None:
    domain = ScriptedDomain()
    _migration_begun, notices = begin(domain, switch="at-once", time_limit_seconds=0.2)
    wait_until(lambda: domain.switched)
    time.sleep(0.4)
    assert domain.aborted == 0
    domain.end()
    assert notices.finished()["abort_reason"] is None


def test_abort_that_came_too_late_is_not_told_as_one() -> None:
    domain = ScriptedDomain(deaf_aborts=1_000_000)
    migration, notices = begin(domain)
    migration.abort("interrupted")
    wait_until(lambda: domain.aborted)
    domain.end()
    assert notices.finished()["abort_reason"] is None


def test_error_of_libvirt_is_kept_word_for_word() -> None:
    domain = ScriptedDomain()
    _migration_begun, notices = begin(domain)
    domain.end("internal error: Userfaultfd not available: Operation not permitted")
    finished = notices.finished()
    assert finished["error"].endswith("Operation not permitted")
    assert finished["abort_reason"] is None


def test_statistics_carry_units_and_leave_out_what_is_not_given() -> None:
    assert _libvirt_mover.named_statistics({"memory_bps": 5, "type": 2}) == {"memory_bytes_per_second": 5}
