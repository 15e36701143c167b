# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of a campaign in the order in which they are made: every cell once in each block, blocks randomised.

What drifts with time (a machine that warms up, a neighbour that comes) then touches all cells alike. Settings that need
other guests or another link are changed between blocks only; the cells inside a block share the living guests.
"""

from __future__ import annotations

import itertools
import random
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import (
    AXES,
    BLOCK_AXES,
    NAMED_AXES,
    Definition,
    matches,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedRun:
    """One run: its cell's values by axis, and the scenario that they make."""

    cell: Cell
    scenario: Scenario

    @property
    def name(self) -> str:
        """What a reader calls the run."""
        others = (f"{axis} {_value(value)}" for axis, value in self.cell.items() if axis != "strategy")
        return ", ".join((str(self.cell["strategy"]), *others))


@dataclass(frozen=True)
class Block:
    """Runs between which neither guests nor link change, in their order."""

    repetition: int
    runs: Sequence[PlannedRun]


def blocks(definition: Definition, site: Mapping[str, Any]) -> list[Block]:
    """Return the blocks of a campaign at a site, whose own settings (accelerator, link, …) are keys of a scenario.

    The same definition gives the same order, so that a campaign that was interrupted goes on where it was. Raises
    ScenarioError with the cell's name for a combination that is impossible.
    """
    found = [(cell, _scenario(definition, site, cell)) for cell in cells(definition)]
    return [
        Block(repetition, [PlannedRun(cell, replace(scenario, repetition=repetition)) for cell, scenario in block])
        for repetition in range(1, definition.repetitions + 1)
        for block in _shuffled_blocks(found, random.Random(f"{definition.seed}/{repetition}"))
    ]


def cells(definition: Definition) -> Sequence[Cell]:
    """Return all combinations of the axes' values that are not excluded."""
    combinations = (dict(zip(definition.axes, values)) for values in itertools.product(*definition.axes.values()))
    kept = [cell for cell in combinations if not any(matches(selection, cell) for selection in definition.exclude)]
    for axis, values in definition.axes.items():
        for value in values:
            if not any(cell[axis] == value for cell in kept):
                raise ScenarioError(
                    f"exclude leaves no run with {axis} {_value(value)}: exclude less, or take the value from its axis."
                )
    return kept


def _shuffled_blocks(found: Sequence[tuple[Cell, Scenario]], order: random.Random) -> Iterator[Sequence[Any]]:
    """Give the cells of one repetition, block by block; both the blocks and the cells inside are shuffled."""
    by_block: dict[str, list[tuple[Cell, Scenario]]] = {}
    for cell, scenario in found:
        by_block.setdefault(repr([cell.get(axis) for axis in BLOCK_AXES]), []).append((cell, scenario))
    for key in order.sample(sorted(by_block), len(by_block)):
        yield order.sample(by_block[key], len(by_block[key]))


def _scenario(definition: Definition, site: Mapping[str, Any], cell: Cell) -> Scenario:
    """Return the scenario of a cell: the site's settings, then the campaign's, then the axes' values."""
    mapping = _merged(site, definition.scenario)
    mapping["warm_up_seconds"] = definition.warm_up_seconds
    mapping["time_limit_seconds"] = definition.time_limit_of(cell)
    for axis, value in cell.items():
        if axis in NAMED_AXES:
            key, part = NAMED_AXES[axis]
            mapping = _merged(mapping, {part: getattr(definition, key)[value]})
        else:
            *sections, last = AXES[axis]
            mapping = _merged(mapping, _nested(sections, {last: value}))
    try:
        return Scenario.from_dict(mapping)
    except ScenarioError as error:
        values = ", ".join(f"{axis} {_value(value)}" for axis, value in cell.items())
        raise ScenarioError(f"The campaign cannot measure {values}: {error}") from None


def _nested(sections: Sequence[str], mapping: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping inside the sections it belongs to."""
    for section in reversed(sections):
        mapping = {section: mapping}
    return mapping


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of both mappings, section by section; the other's values count."""
    merged = deepcopy(dict(one))
    for key, value in other.items():
        both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(merged[key], value) if both else deepcopy(value)
    return merged


def _value(value: Any) -> str:
    """Return an axis's value as a reader writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
