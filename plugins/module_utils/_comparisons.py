# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies against each other at the same load: how far apart they are, and whether the runs tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Spread
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import Shift, shift
from ansible_collections.stsm.live_migration.plugins.module_utils._words import enumeration, number


@dataclass(frozen=True)
class Compared:
    """A figure in which strategies are compared: what a cell did, what is not told apart, and the table's unit."""

    key: str
    deed: str
    thing: str
    title: str
    scale: float = 1.0


BLACKOUT = Compared("downtime_events_ms", "stopped the guest", "blackouts", "blackout, ms")
TOTAL = Compared("total_time_ms", "took", "total times", "total time, s", 1e-3)
MISSED = Compared("brownout_area_mib", "cost the guest", "brownouts", "missed work, MiB")


def sentence(where: str, group: Sequence[Cell], figure: Compared) -> list[str]:
    """Return which strategy had least and which most of a figure at one load, if the runs tell the two apart."""
    seen: list[tuple[Spread, Cell]] = []
    for cell in group:
        found = cell.figure(figure.key)
        if found is not None:
            seen.append((found, cell))
    if len(seen) < 2:
        return []
    seen.sort(key=lambda pair: pair[0].centre)
    (least, one), (most, other) = seen[0], seen[-1]
    apart = shift(one.values(figure.key), other.values(figure.key))
    is_apart = most.low > least.high if apart is None else apart.is_told_apart
    if not is_apart or least.centre <= 0:
        names = enumeration([cell.scenario.strategy.name for _spread, cell in seen])
        return [f"{where}, the {figure.thing} of {names} are not told apart by these runs."]
    factor = number(most.centre / least.centre)
    one_name, other_name = one.scenario.strategy.name, other.scenario.strategy.name
    words = f"{where}, {other_name} {figure.deed} {factor} times as long as {one_name}"
    return [f"{words}: {_longer(apart)}." if apart else f"{words}."]


def _longer(apart: Shift) -> str:
    """Return a shift of times in words, and in how many pairs of runs it shows."""
    unit, scale = ("s", 1e-3) if abs(apart.centre) >= 1000 else ("ms", 1.0)
    centre, low, high = (number(value * scale) for value in (apart.centre, apart.low, apart.high))
    pairs = "every pair" if apart.dominance == 1 else f"{(apart.dominance + 1) / 2:.0%} of all pairs"
    return f"{centre} {unit} longer (95 % interval {low} to {high}), and longer in {pairs} of runs"


def effect_rows(group: Sequence[Cell]) -> list[list[str]]:
    """Return for each pair of strategies at one load its name and by how much the second exceeds the first.

    Nothing where no figure of a pair has enough runs for an effect.
    """
    rows = []
    for one, other in combinations(group, 2):
        effects = [_effect(one, other, figure) for figure in (TOTAL, BLACKOUT, MISSED)]
        if any(effects):
            pair = f"{other.scenario.strategy.name} against {one.scenario.strategy.name}"
            rows.append([pair, *(effect or "-" for effect in effects)])
    return rows


def _effect(one: Cell, other: Cell, figure: Compared) -> str:
    """Return a shift with its interval, and Cliff's delta."""
    apart = shift(one.values(figure.key), other.values(figure.key))
    if apart is None:
        return ""
    centre, low, high = (number(value * figure.scale) for value in (apart.centre, apart.low, apart.high))
    told = "" if apart.is_told_apart else ", not told apart"
    return f"{centre} ({low} to {high}; delta {apart.dominance:.2f}{told})"
