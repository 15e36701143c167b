# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that are drawn again and again, as uncertain as what they follow from, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Sequence

# Always the same draws: the same question has the same answer.
DRAWS, SEED = 200, 2014
# The range that is told leaves out so many draws at either end: it holds nine tenths of them.
_LEFT_OUT = DRAWS // 20


@dataclass(frozen=True)
class Range:
    """A median, and between what the figure lies in nine of ten draws."""

    centre: float
    low: float
    high: float


def range_of(drawn: Sequence[float]) -> Range:
    """Return the range of at least one draw."""
    ordered = sorted(drawn)
    cut = min(_LEFT_OUT, len(ordered) // 20)
    return Range(median(ordered), ordered[cut], ordered[-1 - cut])
