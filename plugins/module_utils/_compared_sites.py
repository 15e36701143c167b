# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign against the same one at another site: which cells are equivalent, and in what the sites differ."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Verdict
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell
from ansible_collections.stsm.live_migration.plugins.module_utils._drift import Drift, drift, told
from ansible_collections.stsm.live_migration.plugins.module_utils._equivalence import (
    DIFFERENT,
    EQUIVALENT,
    UNDECIDED,
    Equivalence,
    of_figures,
    of_probabilities,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import load
from ansible_collections.stsm.live_migration.plugins.module_utils._sites import Pair, Site, pairs
from ansible_collections.stsm.live_migration.plugins.module_utils._words import enumeration, number

NOT_COMPARED = "not compared"
FIGURES = {"total time": "total_time_ms", "blackout": "downtime_events_ms", "bytes sent": "transferred_bytes"}
MOVED = "moved"


@dataclass(frozen=True)
class Judged:
    """A pair of cells with what its figures say; verdict is that of the cell as a whole."""

    pair: Pair
    verdict: str
    figures: Mapping[str, Equivalence] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The cell in words."""
        cell = self.pair.cell
        return f"{cell.scenario.strategy.name} {load(cell.scenario)}" + (f" ({cell.label})" if cell.label else "")


@dataclass(frozen=True)
class Comparison:
    """What two sites have in common, by the tolerance that the campaign here had fixed."""

    here: Site
    there: Site
    asked: Verdict
    cells: Sequence[Judged]
    drifts: Sequence[Drift]


def compared(here: Site, there: Site) -> Comparison:
    """Return a campaign against that of another site."""
    asked = here.verdict
    judged = [_judged(pair, asked) for pair in pairs(here, there)]
    return Comparison(here, there, asked, judged, drift(here.records, there.records))


def _judged(pair: Pair, asked: Verdict) -> Judged:
    """Return a pair with what can be said of it."""
    one, other = pair.here, pair.there
    if pair.reason or one is None or other is None:
        return Judged(pair, NOT_COMPARED)
    figures = {name: of_figures(one.values(key), other.values(key), asked) for name, key in FIGURES.items()}
    figures[MOVED] = of_probabilities(one.success, other.success, asked)
    verdicts = {found.verdict for name, found in figures.items() if name in _counting(one, other)}
    return Judged(pair, next(word for word in (DIFFERENT, UNDECIDED, EQUIVALENT) if word in verdicts), figures)


def _counting(one: Cell, other: Cell) -> list[str]:
    """Return the figures that a cell is judged by.

    A guest that never moved has no times; that it moved in all runs of both sites is told, and takes dozens of runs to
    prove.
    """
    if not one.completed and not other.completed:
        return [MOVED]
    always = all(cell.success and cell.success.share == 1 for cell in (one, other))
    return [*FIGURES] if always else [*FIGURES, MOVED]


def sentences(comparison: Comparison) -> list[str]:
    """Return what was found, in words."""
    asked, there = comparison.asked, comparison.there
    told_of = [
        f"Compared with the campaign {there.campaign} of another site ({len(there.records)} runs), within"
        f" {asked.tolerance:.0%} and with {asked.confidence:.0%} confidence"
        + (", as the campaign fixed it before its first run." if _was_fixed(comparison) else ", as nothing was fixed.")
    ]
    if there.verdict != asked and there.around.definition:
        told_of.append(f"The other site had fixed {there.verdict.tolerance:.0%}; the one here counts.")
    for verdict, words in (
        (EQUIVALENT, "equivalent at both sites"),
        (DIFFERENT, "different"),
        (UNDECIDED, "not decided"),
    ):
        names = [f"{one.name}{_because(one)}" for one in comparison.cells if one.verdict == verdict]
        if names:
            told_of.append(f"{_of(names, comparison)} {words}: {'; '.join(names)}.")
    reasons: dict[str, list[str]] = {}
    for one in comparison.cells:
        if one.verdict == NOT_COMPARED:
            reasons.setdefault(one.pair.reason, []).append(one.name)
    told_of += [
        f"{_of(names, comparison)} not to be compared, being {reason}: {'; '.join(names)}."
        for reason, names in reasons.items()
    ]
    differing = [one.fact for one in comparison.drifts if not one.is_same]
    if differing:
        told_of.append(f"The sites differ in {enumeration(differing)}.")
    return told_of


def _of(names: Sequence[str], comparison: Comparison) -> str:
    """Return how many of the cells something is said of, as the begin of a sentence."""
    return f"{len(names)} of {len(comparison.cells)} cells {'is' if len(names) == 1 else 'are'}"


def _was_fixed(comparison: Comparison) -> bool:
    """Whether the campaign here said how it is to be judged."""
    return bool(comparison.here.around.definition.get("verdict"))


def _because(one: Judged) -> str:
    """Return which figures made a cell different or kept it from a decision."""
    if one.verdict == EQUIVALENT:
        return ""
    counting = _counting(one.pair.cell, one.pair.there or one.pair.cell)
    parts = [
        _moved(one.pair) if name == MOVED else _in_words(name, found)
        for name, found in one.figures.items()
        if found.verdict == one.verdict and name in counting
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _in_words(name: str, found: Equivalence) -> str:
    """Return one figure in words."""
    if found.centre is None or found.low is None or found.high is None:
        return f"{name}: {found.why}"
    return f"{name}: {number(found.centre)} times, interval {number(found.low)} to {number(found.high)}"


def _moved(pair: Pair) -> str:
    """Return in how many runs the guest moved at either site."""
    seen = [cell.success if cell else None for cell in (pair.here, pair.there)]
    words = [f"in {found.successes} of {found.runs} runs" if found else "in no run that counts" for found in seen]
    return f"moved {words[0]} here and {words[1]} there"


def table(comparison: Comparison) -> list[list[str]]:
    """Return a heading and one row for each cell: its verdict, and each figure here against there."""
    heading = ["cell", "verdict", "runs here", "runs there", *(f"{name}, here / there" for name in FIGURES), MOVED]
    return [heading, *(_row(one) for one in comparison.cells)]


def _row(one: Judged) -> list[str]:
    """Return one cell as a row of text; what stands in parentheses is the interval."""
    counts = [str(len(cell.valid)) if cell else "-" for cell in (one.pair.here, one.pair.there)]
    if one.pair.reason:
        return [one.name, f"{NOT_COMPARED}: {one.pair.reason}", *counts, *(["-"] * (len(FIGURES) + 1))]
    return [one.name, one.verdict, *counts, *(_entry(name, found) for name, found in one.figures.items())]


def _entry(name: str, found: Equivalence) -> str:
    """Return one figure as a table shows it."""
    if found.centre is None or found.low is None or found.high is None:
        return f"- ({found.why})"
    if name == MOVED:
        return f"{found.centre:+.0%} ({found.low:+.0%} to {found.high:+.0%}, {found.verdict})"
    return f"{number(found.centre)} ({number(found.low)} to {number(found.high)}, {found.verdict})"


def drift_table(comparison: Comparison) -> list[list[str]]:
    """Return a heading and one row for each fact in which the sites differ; nothing if there is none."""
    differing = [one for one in comparison.drifts if not one.is_same]
    rows = [[one.fact, "; ".join(one.here) or "-", "; ".join(one.there) or "-"] for one in differing]
    return [["fact", "here", "there"], *rows] if rows else []


def json_text(comparison: Comparison) -> str:
    """Return the comparison for other programs."""
    found = {
        "here": _site(comparison.here),
        "there": _site(comparison.there),
        "asked": {**asdict(comparison.asked), "fixed_before_the_first_run": _was_fixed(comparison)},
        "cells": [_cell(one) for one in comparison.cells],
        "drift": told(comparison.drifts),
        "sentences": sentences(comparison),
    }
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def _site(site: Site) -> dict[str, Any]:
    """Return which runs were compared."""
    return {"campaign": site.campaign, "runs": len(site.records), "runs_sha256": site.sha256}


def _cell(one: Judged) -> dict[str, Any]:
    """Return a cell in JSON types, with six digits of each figure."""
    figures = {
        name: {
            key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in asdict(found).items()
        }
        for name, found in one.figures.items()
    }
    share = one.pair.cell.scenario.dirty_rate_of_link
    return {
        "name": one.name,
        "strategy": one.pair.cell.scenario.strategy.name,
        "dirty_rate_of_link": None if share is None else round(share, 6),
        "verdict": one.verdict,
        "reason": one.pair.reason,
        "figures": figures,
    }
