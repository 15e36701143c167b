# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures and lists as people write them."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Spread


def number(value: float) -> str:
    """Return a figure as it is read: three digits, whole from a hundred on, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantity(found: Spread, unit: str, scale: float = 1.0) -> str:
    """Return a spread in words: the median, then the range or the interval if there is one."""
    centre, low, high = (number(value * scale) for value in (found.centre, found.low, found.high))
    return f"{centre} {unit}" if low == high else f"{centre} {unit} ({low} to {high})"


def enumeration(names: Sequence[str]) -> str:
    """Return names as a list in words."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
