# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host's clocks."""

from __future__ import annotations

import time


def now_ns() -> int:
    """CLOCK_MONOTONIC, the time base of everything the agent says."""
    return time.monotonic_ns()


def monotonic_from_realtime_ns(realtime_ns: int) -> int:
    """Convert a wall-clock stamp of the recent past (QEMU stamps its events so) to CLOCK_MONOTONIC.

    Good as long as nobody steps the clock between the stamp and this call, which is why it is called at once.
    """
    return realtime_ns - (time.time_ns() - time.monotonic_ns())
