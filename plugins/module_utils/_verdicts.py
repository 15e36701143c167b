# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published claims against what was measured: reproduced, not reproduced, not decidable here, or unknown.

Each comparison gives an estimate with an interval. A claim is reproduced if all its intervals lie within its bounds,
and not reproduced if one lies wholly outside; that one is as much wider as there are comparisons (Bonferroni), so that
a true claim of many is not refuted by chance. Whatever is in between is not decidable, and it is said why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _estimates
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import PlannedRun, Refused
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import Claim
from ansible_collections.stsm.live_migration.plugins.module_utils._estimates import Estimate
from ansible_collections.stsm.live_migration.plugins.module_utils._judged import Part, Place, Planned, name_of, places
from ansible_collections.stsm.live_migration.plugins.module_utils._power import runs_to_decide
from ansible_collections.stsm.live_migration.plugins.module_utils._replica import Replica
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import missing

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
NOT_DECIDABLE, UNKNOWN = "not decidable here", "unknown"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, NOT_DECIDABLE, UNKNOWN)


@dataclass(frozen=True)
class Compared:
    """What came of one comparison: inside its bounds (true), outside (false), or undecided (None) and why."""

    name: str
    bounds: tuple[float, float]
    is_inside: bool | None
    why: str = ""
    estimate: Estimate | None = None
    runs: Sequence[str] = ()
    runs_needed: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a claim at one place and on one stack."""

    claim: Claim
    where: Mapping[str, Any]
    verdict: str
    why: str
    parts: Sequence[Compared]
    confidence: float
    tolerance: float | None
    smallest_number_of_runs: int
    stack: str = ""
    replica: Replica | None = None

    @property
    def runs(self) -> list[str]:
        """The ids of the runs behind it, each once."""
        return list(dict.fromkeys(run for part in self.parts for run in part.runs))


@dataclass(frozen=True)
class _Stack:
    """The cells that were measured on one stack, by the hash of their scenario."""

    words: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def of(self, one: Planned) -> Cell | None:
        """Return what was measured of a cell of the plan."""
        return self.cells.get(one.scenario.hash) if isinstance(one, PlannedRun) else None


def judge(
    claims: Sequence[Claim], definition: Definition, plan: Sequence[Planned], records: Sequence[Record]
) -> list[Verdict]:
    """Return the verdict of each claim at each place and on each stack that the records are of."""
    stacks = _stacks(records) or [_Stack()]
    return [
        _verdict(claim, definition, place, stack)
        for claim in claims
        for place in places(claim, definition, plan)
        for stack in stacks
    ]


def _stacks(records: Sequence[Record]) -> list[_Stack]:
    """Return the stacks of the records; the runs of one are never taken for those of another."""
    found: dict[tuple[Any, ...], tuple[str, dict[str, Cell]]] = {}
    for cell in cells(records):
        key = (cell.stack, tuple(sorted(cell.records[0]["builds"])))
        found.setdefault(key, (cell.stack, {}))[1][cell.scenario.hash] = cell
    return [_Stack(words, by_hash) for words, by_hash in found.values()]


def _verdict(claim: Claim, definition: Definition, place: Place, stack: _Stack) -> Verdict:
    """Return the verdict of a claim at one place."""
    rule = definition.verdict
    smallest = claim.smallest_number_of_runs or rule.smallest_number_of_runs
    compared = [_compare(claim, part, definition, stack, smallest, len(place.parts)) for part in place.parts]
    verdict, why = _conclude(claim, compared)
    scenarios = [one.scenario for part in place.parts for one in part.all if isinstance(one, PlannedRun)]
    return Verdict(
        claim=claim,
        where=place.where,
        verdict=verdict,
        why=why,
        parts=compared,
        confidence=rule.confidence,
        tolerance=(claim.tolerance or rule.tolerance) if claim.published is not None else None,
        smallest_number_of_runs=smallest,
        stack=stack.words,
        replica=next((scenario.replica for scenario in scenarios), None),
    )


def _conclude(claim: Claim, compared: Sequence[Compared]) -> tuple[str, str]:
    """Return what all comparisons of a claim come to, and why; a lost figure can be neither met nor missed."""
    if claim.is_lost:
        return (
            UNKNOWN,
            f"The published figure is lost ({claim.source}); a site that has it can give it with its source.",
        )
    outside = [part for part in compared if part.is_inside is False]
    open_ones = [part for part in compared if part.is_inside is None]
    if outside:
        return NOT_REPRODUCED, " ".join(dict.fromkeys(part.why for part in outside))
    if open_ones:
        return NOT_DECIDABLE, " ".join(dict.fromkeys(part.why for part in open_ones))
    return REPRODUCED, " ".join(part.why for part in compared)


def _compare(
    claim: Claim, part: Part, definition: Definition, stack: _Stack, smallest: int, comparisons: int
) -> Compared:
    """Return what came of one comparison."""
    bounds = (-math.inf, math.inf) if claim.is_lost else claim.bounds(part.place, definition.verdict.tolerance)
    measured, against = (
        [cell for one in side for cell in [stack.of(one)] if cell] for side in (part.cells, part.against)
    )
    used = [record["run_id"] for cell in (*against, *measured) for record in _estimates.runs_behind(claim, cell)]
    obstacle = _obstacle(claim, part, stack, smallest)
    if obstacle:
        return Compared(part.name, bounds, None, obstacle, runs=used)
    confidence = definition.verdict.confidence
    found = _estimates.estimate(claim, measured, against, confidence)
    wide = _estimates.estimate(claim, measured, against, 1 - (1 - confidence) / comparisons)
    if found is None:
        return Compared(part.name, bounds, None, _of(part, "so few runs allow no interval at all."), runs=used)
    low, high = bounds
    inside = low <= found.low and found.high <= high
    outside = wide is not None and (wide.high < low or wide.low > high)
    told = f"{_estimates.measured_words(claim)} {found.words}; {_bounds_words(bounds)}"
    if inside or outside:
        words = _of(part, f"{told}.")
        return Compared(part.name, bounds, inside, words, found, used)
    edge = min(abs(found.centre - bound) for bound in bounds if math.isfinite(bound))
    runs = min(_estimates.runs_of(claim, cell) for cell in (*against, *measured))
    needed = runs_to_decide(runs, (found.high - found.low) / 2, edge)
    more = f"; about {needed} runs of each cell would tell" if needed else ""
    words = _of(part, f"{told}, and the interval reaches across that{more}.")
    return Compared(part.name, bounds, None, words, found, used, needed)


def _obstacle(claim: Claim, part: Part, stack: _Stack, smallest: int) -> str:
    """Return why nothing can be said of a comparison, whatever the runs show; empty if something can."""
    for one in part.all:
        if isinstance(one, Refused):
            return f"What it needs cannot be measured here: {one.reason}"
    if missing():
        return f"An interval needs the Python library {missing()}, which is not installed."
    if claim.is_absolute:
        foreign = _foreign(part, stack)
        if foreign:
            return foreign
    if claim.measure == "probability":
        return _too_few(f"All cells of {claim.id} together", _pooled_runs(claim, part, stack), smallest)
    for one in part.all:
        cell = stack.of(one)
        runs = 0 if cell is None else _estimates.runs_of(claim, cell)
        if cell is not None and not runs and cell.unconverged:
            return f"No run of {name_of(one)} moved the guest, so it has no {claim.figure}."
        if runs < smallest:
            return _too_few(name_of(one), runs, smallest)
    return ""


def _pooled_runs(claim: Claim, part: Part, stack: _Stack) -> int:
    """Return how many runs all cells of a comparison have together."""
    return sum(_estimates.runs_of(claim, cell) for one in part.all for cell in [stack.of(one)] if cell is not None)


def _too_few(what: str, runs: int, smallest: int) -> str:
    """Return that there are too few runs of something; empty if there are enough."""
    if runs >= smallest:
        return ""
    there = f"{runs} valid run{'' if runs == 1 else 's'}" if runs else "no valid run"
    return f"{what} has {there}, but {smallest} are needed."


def _foreign(part: Part, stack: _Stack) -> str:
    """Return why seconds and bytes of these runs cannot stand beside those of the publication; empty if they can."""
    for one in part.all:
        if isinstance(one, PlannedRun) and one.scenario.replica:
            return f"A {one.scenario.replica.words} has times and bytes of its own, not those of the real size."
        cell = stack.of(one)
        for ran_on in cell.accelerators if cell else ():
            if ran_on.warning or str(ran_on) == "tcg":
                return f"The guests ran on {ran_on}, whose times are not those of hardware virtualisation."
    return ""


def _of(part: Part, words: str) -> str:
    """Return a sentence with the comparison that it is about."""
    return f"At {part.name}, {words}" if part.name else words[0].upper() + words[1:]


def _bounds_words(bounds: tuple[float, float]) -> str:
    """Return the bounds in words."""
    low, high = bounds
    if math.isinf(low):
        return f"at most {high:.4g} was asked for"
    if math.isinf(high):
        return f"at least {low:.4g} was asked for"
    return f"{low:.4g} to {high:.4g} was asked for"
