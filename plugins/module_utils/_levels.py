# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same scenario at two levels: what libvirt adds to what QEMU does when it is asked itself, and Nova to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import shift
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number, quantity

# Each level above the one that it asks.
_STEPS = (("qmp", "libvirt"), ("libvirt", "nova"))
_CALLED = {"qmp": "QEMU by hand", "libvirt": "libvirt", "nova": "Nova"}


@dataclass(frozen=True)
class _Figure:
    key: str
    name: str
    unit: str
    scale: float = 1.0


_FIGURES = (
    _Figure("total_time_ms", "total time", "s", 1e-3),
    _Figure("preparation_time_ms", "preparation", "ms"),
    _Figure("downtime_events_ms", "blackout", "ms"),
)


def pairs(found: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Return the cells of one scenario and stack at two levels, the lower one first, where both moved the guest."""
    cells = {(cell.scenario.hash, cell.stack): cell for cell in found}
    alike = [
        (cells.get((replace(cell.scenario, driver=lower).hash, cell.stack)), cell)
        for lower, upper in _STEPS
        for cell in found
        if cell.scenario.driver == upper
    ]
    return [(one, other) for one, other in alike if one is not None and one.completed and other.completed]


def sentence(where: str, one: Cell, other: Cell) -> str:
    """Return how the figures of a strategy through the upper level stand against those of the lower one."""
    name = other.scenario.strategy.name
    lower, upper = (_CALLED[cell.scenario.driver] for cell in (one, other))
    parts = [part for part in (_part(one, other, figure) for figure in _FIGURES) if part]
    return f"{where}, {name} through {upper} stands against {lower} with a {', a '.join(parts)}." if parts else ""


def _part(one: Cell, other: Cell, figure: _Figure) -> str:
    """Return one figure at both levels and, with runs enough for it, whether the two are told apart."""
    below, above = one.figure(figure.key), other.figure(figure.key)
    if below is None or above is None:
        return ""
    told = [quantity(above, figure.unit, figure.scale), quantity(below, figure.unit, figure.scale)]
    words = f"{figure.name} of {told[0]} against {told[1]}"
    apart = shift(one.values(figure.key), other.values(figure.key))
    if apart is None:
        return words
    if not apart.is_told_apart:
        return f"{words} (not told apart)"
    centre, low, high = (number(value * figure.scale) for value in (apart.centre, apart.low, apart.high))
    return f"{words} (by {centre} {figure.unit}, 95 % interval {low} to {high})"
