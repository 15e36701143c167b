# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of what a migration did to its guest: how long page faults took, and how its speed came back."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw as draw
from ansible_collections.stsm.live_migration.plugins.module_utils._brownout import CURVE_STEP_MS
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell
from ansible_collections.stsm.live_migration.plugins.module_utils._quality import faults, speeds
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# How much of a row's height the highest bar or full speed takes.
_HEIGHT = 0.8


def fault_latency(found: Sequence[Cell], names: Sequence[str]) -> draw.Drawing | None:
    """Return how long the page faults of each cell took; None if no QEMU told."""
    rows = [faults(cell) for cell in found]
    if not any(rows):
        return None
    buckets = [bucket for counts in rows for bucket, count in enumerate(counts) if count]
    with draw.canvas(names, 0.5, "microseconds, logarithmic") as axes:
        for row, counts in enumerate(rows):
            with draw.in_row(axes, row):
                if not counts:
                    draw.remark(axes, row, "no page faults told")
                    continue
                bars = [(bucket, _HEIGHT * count / max(counts)) for bucket, count in enumerate(counts) if count]
                axes.bar(
                    [bucket + 0.5 for bucket, _height in bars],
                    [-height for _bucket, height in bars],
                    bottom=row + _HEIGHT / 2,
                    width=0.9,
                    color=draw.SERIES_COLOURS[0],
                )
                axes.text(max(buckets) + 1.2, row, f"{sum(counts):,}", va="center", fontsize=8)
        axes.set_xlim(min(buckets) - 0.5, max(buckets) + 3)
        ticks = range(min(buckets), max(buckets) + 2, 2)
        axes.set_xticks(ticks, [number(2.0**tick) for tick in ticks])
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "fault_latency",
        "Post-copy quality",
        "How long page faults took",
        "The destination's own histogram, in powers of two, of all runs together: from the fault until the page was "
        "there. The highest bar of each row has the same height; at the right the number of faults.",
        svg,
    )


def brownout_curve(found: Sequence[Cell], names: Sequence[str]) -> draw.Drawing | None:
    """Return how each cell's guest came back to its speed; None if no guest told what it did."""
    rows = [speeds(cell) for cell in found]
    if not any(rows):
        return None
    with draw.canvas(names, 0.5, "seconds since the guest runs again") as axes:
        longest = 0.0
        for row, steps in enumerate(rows):
            with draw.in_row(axes, row):
                if not steps:
                    draw.remark(axes, row, "not told")
                    continue
                times = [(place + 0.5) * CURVE_STEP_MS / 1e3 for place in range(len(steps))]
                middle, low, high = (
                    [row + _HEIGHT / 2 - _HEIGHT * min(125.0, step[part]) / 100 for step in steps] for part in range(3)
                )
                full = row - _HEIGHT / 2
                axes.fill_between(
                    times, middle, full, where=[at > full for at in middle], color=draw.FAINT, linewidth=0
                )
                axes.fill_between(times, low, high, color=draw.SERIES_COLOURS[0], alpha=0.25, linewidth=0)
                axes.plot(times, middle, color=draw.SERIES_COLOURS[0], linewidth=1.2)
                axes.plot([0, times[-1]], [full, full], color=draw.INK, linewidth=0.5, linestyle=(0, (4, 3)))
                longest = max(longest, times[-1])
        axes.set_xlim(0, longest * 1.02)
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "brownout_curve",
        "Post-copy quality",
        "How the guest came back to its speed",
        "The guest's work after the blackout, at most five seconds of it, against its former rate (the broken line): "
        "median of the runs, and between their extremes. The grey area below the line is the work that was missed: the "
        "equivalent downtime.",
        svg,
    )
