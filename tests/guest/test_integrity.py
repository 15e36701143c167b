# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Memory is verified, and what is wrong with it is found: each page by its number."""

from __future__ import annotations

from typing import Any

import pytest
from guest.machine import Machine
from guest.rates import measure

pytestmark = pytest.mark.guest


def _refill(guest: Machine) -> None:
    """Make the memory right again after damage was done on purpose."""
    guest.command("configure", pattern="idle", bytes_per_touch=72)
    guest.command("configure", bytes_per_touch=64)


def _wrong(guest: Machine) -> tuple[int, list[dict[str, Any]]]:
    answer = guest.command("verify")
    assert answer["kind"] == "verified"
    assert answer["pages"] == 65536
    return answer["wrong_count"], answer["wrong"]


@pytest.mark.parametrize("pattern", ["sequential", "random", "hot-set", "read-only"])
def test_touched_memory_is_right(guest: Machine, pattern: str) -> None:
    guest.command("configure", rate_mib_per_second=800, pattern=pattern)
    measure(guest, 1.0)
    assert _wrong(guest) == (0, [])


@pytest.mark.parametrize(("bytes_per_touch", "entropy"), [(24, 8), (4096, 8), (4096, 0), (1024, 3.5)])
def test_other_contents_are_right(guest: Machine, bytes_per_touch: int, entropy: float) -> None:
    words = {"bytes_per_touch": bytes_per_touch, "entropy_bits_per_byte": entropy}
    answer = guest.command("configure", rate_mib_per_second=200, pattern="sequential", **words)
    assert answer["kind"] == "configured"
    measure(guest, 0.5)
    wrong = _wrong(guest)
    guest.command("configure", pattern="idle", bytes_per_touch=64, entropy_bits_per_byte=8)
    assert wrong == (0, [])


def test_verify_is_quick(guest: Machine) -> None:
    guest.command("configure", pattern="idle")
    assert min(guest.command("verify")["duration_ms"] for _attempt in range(3)) < 2000


def test_stale_page_is_found(guest: Machine) -> None:
    guest.command("configure", pattern="idle")
    injected = guest.command("inject", page=17, fault="stale")
    count, wrong = _wrong(guest)
    _refill(guest)
    assert injected["kind"] == "injected"
    assert count == 1
    expected = {"page": 17, "reason": "stale-generation", "expected_generation": injected["expected_generation"]}
    assert wrong == [{**expected, "found_generation": injected["expected_generation"] - 1}]


def test_corrupt_page_is_found(guest: Machine) -> None:
    guest.command("configure", pattern="idle")
    guest.command("inject", page=65535, fault="corrupt")
    count, wrong = _wrong(guest)
    _refill(guest)
    assert (count, wrong[0]["page"], wrong[0]["reason"]) == (1, 65535, "bad-checksum")


@pytest.mark.parametrize(("fault", "reason"), [("stale", "stale-generation"), ("corrupt", "bad-checksum")])
def test_fault_is_found_though_the_page_is_touched_again(guest: Machine, fault: str, reason: str) -> None:
    guest.command("configure", rate_mib_per_second=800, pattern="sequential")
    guest.command("inject", page=40_000, fault=fault)
    measure(guest, 1.0)
    count, wrong = _wrong(guest)
    _refill(guest)
    assert (count, wrong[0]["page"], wrong[0]["reason"]) == (1, 40_000, reason)


def test_first_sixteen_are_listed_and_all_are_counted(guest: Machine) -> None:
    guest.command("configure", pattern="idle")
    for page in range(20):
        guest.command("inject", page=page, fault="corrupt")
    count, wrong = _wrong(guest)
    _refill(guest)
    assert count == 20
    assert [fault["page"] for fault in wrong] == list(range(16))
    assert _wrong(guest) == (0, [])
