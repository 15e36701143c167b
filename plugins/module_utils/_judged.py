# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a campaign a claim is judged by: its plan's cells, taken apart into comparisons of one cell or of two.

A claim names only the axes that it is about. Each combination of the others (another driver, another storage) is a
place of its own to judge the claim at.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, Sequence, Union

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition, matches
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import (
    PlannedRun,
    Refused,
    cell_name,
    planned,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import Claim

Planned = Union[PlannedRun, Refused]

_SIDES: Sequence[Callable[[Part], Sequence[Planned]]] = (lambda part: part.cells, lambda part: part.against)


@dataclass(frozen=True)
class Part:
    """One comparison: the cells, what they stand against in the same order, and where.

    There is more than one cell where a probability pools several or a mean is taken over them. place is the value of
    the claim's axis that the published figure is for.
    """

    name: str
    place: Any
    cells: Sequence[Planned]
    against: Sequence[Planned] = ()

    @property
    def all(self) -> list[Planned]:
        """All cells that must have been measured."""
        return [*self.against, *self.cells]


@dataclass(frozen=True)
class Place:
    """Where a claim is judged (the axes that it does not name, if there is a choice), and by which comparisons."""

    where: Mapping[str, Any]
    parts: Sequence[Part]


def plan_of(definition: Definition, site: Mapping[str, Any], left_out: Sequence[Mapping[str, Any]]) -> list[Planned]:
    """Return the campaign's cells; left_out are those that the hosts could not do, as the folder has them."""
    reasons = [(entry["cell"], str(entry["reason"])) for entry in left_out]
    found: list[Planned] = []
    for one in planned(definition, site):
        why = next((reason for cell, reason in reasons if dict(cell) == dict(one.cell)), None)
        found.append(one if why is None or isinstance(one, Refused) else Refused(one.cell, why))
    return found


def places(claim: Claim, definition: Definition, plan: Sequence[Planned]) -> list[Place]:
    """Return where a claim is judged; a combination that the campaign excludes is no place."""
    named = {*claim.cells, *claim.against, claim.over}
    free = [axis for axis in definition.axes if axis not in named]
    told = [axis for axis in free if len(definition.axes[axis]) > 1]
    found = []
    for values in itertools.product(*(definition.axes[axis] for axis in free)):
        others = dict(zip(free, values))
        parts = list(_parts(claim, definition, plan, others))
        if parts:
            found.append(Place({axis: others[axis] for axis in told}, parts))
    return found


def _parts(claim: Claim, definition: Definition, plan: Sequence[Planned], others: Mapping[str, Any]) -> Iterator[Part]:
    """Give the comparisons of a claim at one place."""
    axis = claim.over
    along = [] if axis is None else list(definition.axes[axis])
    if claim.measure == "probability":
        pooled = [one for one in plan if matches({**others, **claim.cells}, one.cell)]
        if pooled:
            yield Part("", None, pooled)
    elif claim.measure in ("order", "spread"):
        pairs = zip(along, along[1:]) if claim.measure == "order" else itertools.combinations(along, 2)
        for before, after in pairs:
            one, other = (_one(plan, {**others, **claim.cells, str(axis): value}) for value in (before, after))
            if one and other:
                yield Part(f"{axis} {after} against {before}", None, [other], [one])
    else:
        found = []
        for value in along or [None]:
            at = {**others, **({str(axis): value} if axis else {})}
            cell = _one(plan, {**at, **claim.cells})
            against = _one(plan, {**at, **claim.against}) if claim.against else None
            if cell and (against or not claim.against):
                found.append(Part(f"{axis} {value}" if axis else "", value, [cell], [against] if against else ()))
        if claim.measure == "mean_ratio" and found:
            found = [Part("", None, *([one for part in found for one in side(part)] for side in _SIDES))]
        yield from found


def _one(plan: Sequence[Planned], selection: Mapping[str, Any]) -> Planned | None:
    """Return the cell of a selection that names all axes; None if the campaign excludes it."""
    return next((one for one in plan if matches(selection, one.cell)), None)


def name_of(one: Planned) -> str:
    """Return what a reader calls a cell of the plan."""
    return one.name if isinstance(one, PlannedRun) else cell_name(one.cell)
