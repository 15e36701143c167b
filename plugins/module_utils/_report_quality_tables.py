# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what a migration did to its guest, and what a channel for urgent pages (preempt) was worth."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import loads
from ansible_collections.stsm.live_migration.plugins.module_utils._quality import preempts
from ansible_collections.stsm.live_migration.plugins.module_utils._report_tables import Table, around_in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import shift
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._table import identity, identity_heading

_FIGURES = (
    ("faults", "postcopy_faults"),
    ("half below us", "postcopy_latency_50_below_us"),
    ("99 % below us", "postcopy_latency_99_below_us"),
    ("all processors stood ms", "postcopy_blocktime_ms"),
    ("50 % speed after ms", "half_speed_ms"),
    ("90 % after ms", "brownout_ms"),
    ("99 % after ms", "full_speed_ms"),
    ("equivalent downtime ms", "brownout_equivalent_ms"),
)
# What preempt is to make better.
_COMPARED = (
    ("99 % of the faults below", "postcopy_latency_99_below_us", "us"),
    ("90 % of the speed after", "brownout_ms", "ms"),
    ("an equivalent downtime of", "brownout_equivalent_ms", "ms"),
)


def quality_table(found: Sequence[Cell]) -> Table:
    """Return what each cell's migration did to its guest; nothing if no cell has a figure of it."""
    rows = []
    for cell in found:
        figures = [cell.figure(key) for _title, key in _FIGURES]
        if any(figures):
            postcopy = STRATEGIES[cell.scenario.strategy.name].uses_postcopy
            told = {True: "yes", False: "no", None: "-"}[preempts(cell) if postcopy else None]
            rows.append([*identity(cell, found), told, *(around_in_words(figure) for figure in figures)])
    return [[*identity_heading(found), "preempt", *(title for title, _key in _FIGURES)], *rows] if rows else []


def quality_places(found: Sequence[Cell]) -> list[int]:
    """Return the places of the cells that the table has rows of."""
    return [place for place, cell in enumerate(found) if any(cell.figure(key) for _title, key in _FIGURES)]


def preempt_sentences(found: Sequence[Cell]) -> list[str]:
    """Return at each load what hybrids with a channel for urgent pages gained against those without."""
    told = []
    for where, group in loads(found):
        hybrids = [cell for cell in group if cell.scenario.strategy.row.switch == "after-first-pass"]
        plain, preempt = (next((c for c in hybrids if preempts(c) is wanted), None) for wanted in (False, True))
        parts = [_against(*figure, plain, preempt) for figure in _COMPARED] if plain and preempt else []
        if any(parts):
            told.append(f"{where}, with preempt against without it: {'; '.join(filter(None, parts))}.")
    return told


def _against(title: str, key: str, unit: str, plain: Cell, preempt: Cell) -> str:
    """Return one figure of both, and whether they were told apart."""
    one, other = plain.figure(key), preempt.figure(key)
    if one is None or other is None:
        return ""
    apart = shift(plain.values(key), preempt.values(key))
    judged = (
        "too few runs to tell apart" if apart is None else "told apart" if apart.is_told_apart else "not told apart"
    )
    return f"{title} {around_in_words(other)} against {around_in_words(one)} {unit} ({judged})"
