# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The settable dirty rate and what is reported about it."""

from __future__ import annotations

import pytest
from guest.machine import Machine
from guest.rates import check_rate, measure

pytestmark = pytest.mark.guest


@pytest.mark.parametrize("rate", [0.5, 10, 100, 500, 1000, 2000])
def test_rate_is_held(guest: Machine, rate: float) -> None:
    guest.command("configure", rate_mib_per_second=rate, pattern="sequential", bytes_per_touch=64)
    check_rate(guest, rate)


@pytest.mark.parametrize("pattern", ["random", "hot-set", "read-only"])
def test_rate_is_held_by_other_patterns(guest: Machine, pattern: str) -> None:
    guest.command("configure", rate_mib_per_second=200, pattern=pattern)
    check_rate(guest, 200)


def test_rate_zero_is_as_fast_as_it_can(guest: Machine) -> None:
    guest.command("configure", rate_mib_per_second=0, pattern="sequential")
    report = measure(guest, 1.0)
    guest.command("configure", pattern="idle")
    # How fast depends on the machine; unlimited means that no grain of the series was left out for want of tokens.
    assert report["touched_pages"] > 0
    assert report["achieved_mib_per_second"] > 250


def test_idle_touches_nothing(guest: Machine) -> None:
    guest.command("configure", rate_mib_per_second=100, pattern="idle")
    report = measure(guest, 0.3)
    assert report["touched_pages"] == 0
    assert set(report["series_mib"]) == {0}


def test_report_is_consistent(guest: Machine) -> None:
    guest.command("configure", rate_mib_per_second=100, pattern="sequential")
    report = measure(guest, 1.0)
    grains = report["window_ns"] // 10_000_000 + 1
    assert report["grain_ms"] == 10
    assert report["series_start_ns"] == report["window_start_ns"]
    assert len(report["series_mib"]) == grains
    assert sum(report["series_mib"]) == report["touched_pages"] / 256
    assert len(report["latency_log2_ns"]) == 41
    assert sum(report["latency_log2_ns"]) == report["touched_pages"]
    longest_bucket = max(index for index, count in enumerate(report["latency_log2_ns"]) if count)
    assert 2**longest_bucket <= report["longest_touch_ns"] < 2 ** (longest_bucket + 1)
    seconds = report["window_ns"] / 1e9
    assert report["achieved_mib_per_second"] == pytest.approx(report["touched_pages"] / 256 / seconds, rel=1e-6)


def test_window_goes_on_after_a_report(guest: Machine) -> None:
    guest.command("configure", rate_mib_per_second=50, pattern="sequential")
    marked = guest.command("mark")
    first = guest.command("report")
    second = guest.command("report")
    assert first["window_start_ns"] == second["window_start_ns"] == marked["window_start_ns"]
    assert second["window_ns"] > first["window_ns"]
    assert second["touched_pages"] >= first["touched_pages"]
