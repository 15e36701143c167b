# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Measuring the rate of a guest on a machine that may pause it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from guest.machine import Machine

_WINDOW_SECONDS = 2.0
_WINDOWS = 5
_TOLERANCE = 0.03
# Above this share of a window spent waiting for a processor, the window says something about the machine only.
_DISTURBED_SHARE = 0.02


def measure(guest: Machine, seconds: float = _WINDOW_SECONDS) -> dict[str, Any]:
    """Return the report of a fresh window."""
    guest.command("mark")
    time.sleep(seconds)
    return guest.command("report")


def check_rate(guest: Machine, rate_mib_per_second: float) -> None:
    """Fail when the rate is not held within 3 % in a window in which QEMU had a processor whenever it wanted one.

    Windows in which other programs took the processor away are repeated a few times; if there are no others, the test
    is skipped and says how much was taken.
    """
    disturbed: list[str] = []
    for _window in range(_WINDOWS):
        waited_ns = guest.waited_ns()
        report = measure(guest)
        share = (guest.waited_ns() - waited_ns) / float(report["window_ns"])
        error = report["achieved_mib_per_second"] / rate_mib_per_second - 1.0
        if abs(error) <= _TOLERANCE:
            return
        assert share > _DISTURBED_SHARE, f"{error:+.2%} at {rate_mib_per_second} MiB/s, pauses: {report['pauses']}"
        disturbed.append(f"{error:+.1%} with {share:.0%} of the time without a processor")
    pytest.skip(f"the machine paused QEMU in each window: {'; '.join(disturbed)}")
