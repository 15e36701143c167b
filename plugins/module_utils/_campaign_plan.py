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

from ansible_collections.stsm.live_migration.plugins.module_utils import _replica
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import (
    AXES,
    BLOCK_AXES,
    NAMED_AXES,
    Definition,
    matches,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import WORKING_SET_MIB, Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import StrategyChoice

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedRun:
    """One run: its cell's values by axis, and the scenario that they make."""

    cell: Cell
    scenario: Scenario

    @property
    def name(self) -> str:
        """What a reader calls the run."""
        replica = self.scenario.replica
        return cell_name(self.cell) + (f", {replica.words}" if replica else "")


@dataclass(frozen=True)
class Refused:
    """A cell that cannot be measured here, and the sentence that says why."""

    cell: Cell
    reason: str

    @property
    def name(self) -> str:
        """What a reader calls the cell."""
        return cell_name(self.cell)


def cell_name(cell: Cell) -> str:
    """Return what a reader calls a cell."""
    others = (f"{axis} {_value(value)}" for axis, value in cell.items() if axis != "strategy")
    return ", ".join((str(cell["strategy"]), *others))


@dataclass(frozen=True)
class Block:
    """Runs between which neither guests nor link change, in their order."""

    repetition: int
    runs: Sequence[PlannedRun]


def blocks(definition: Definition, site: Mapping[str, Any]) -> list[Block]:
    """Return the blocks of a campaign at a site, whose own settings (accelerator, link, …) are keys of a scenario.

    The same definition gives the same order, so that a campaign that was interrupted goes on where it was. Raises
    ScenarioError with the cell's name for a combination that is impossible, unless the campaign leaves such cells out.
    """
    found = [(run.cell, run.scenario) for run in planned(definition, site) if isinstance(run, PlannedRun)]
    return [
        Block(repetition, [PlannedRun(cell, replace(scenario, repetition=repetition)) for cell, scenario in block])
        for repetition in range(1, definition.repetitions + 1)
        for block in _shuffled_blocks(found, random.Random(f"{definition.seed}/{repetition}"))
    ]


def refused(definition: Definition, site: Mapping[str, Any]) -> list[Refused]:
    """Return the cells that the campaign leaves out at this site, each with the reason."""
    return [cell for cell in planned(definition, site) if isinstance(cell, Refused)]


def planned(definition: Definition, site: Mapping[str, Any]) -> list[PlannedRun | Refused]:
    """Return each cell of a campaign with its scenario, or with why this site cannot measure it."""
    found: list[PlannedRun | Refused] = []
    for cell in cells(definition):
        try:
            found.append(PlannedRun(cell, _scenario(definition, site, cell)))
        except ScenarioError as error:
            if definition.when_a_cell_cannot_run == "refuse":
                values = ", ".join(f"{axis} {_value(value)}" for axis, value in cell.items())
                raise ScenarioError(f"The campaign cannot measure {values}: {error}") from None
            found.append(Refused(cell, str(error)))
    return found


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
    """Return the scenario of a cell: the site's settings, then the campaign's, then the axes' values.

    At a site that makes replicas, what the campaign asks is made smaller, and what the site says of itself is not.
    """
    asked = _merged({}, definition.scenario)
    asked["warm_up_seconds"] = definition.warm_up_seconds
    asked["time_limit_seconds"] = definition.time_limit_of(cell)
    for axis, value in cell.items():
        if axis in NAMED_AXES:
            _key, part = NAMED_AXES[axis]
            asked = _merged(asked, {part: definition.meaning(axis, value)})
        else:
            *sections, last = AXES[axis]
            asked = _merged(asked, _nested(sections, {last: value}))
    replica = _replica.read(Section("", site, list(site), whole="the site's settings"))
    if replica is not None:
        asked = _replica.scaled(_merged(_left_open(asked, site), asked), replica)
        asked["time_limit_seconds"] = replica.time_limit_seconds(asked["time_limit_seconds"])
    scenario = Scenario.from_dict(_merged(site, asked))
    _refuse_fast_link(scenario, site, cell)
    return scenario


def _left_open(asked: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """Return what neither a campaign nor its site says of memory and downtime: a replica makes that smaller, too."""
    said = _merged(site, asked)
    guest, workload, strategy = (said.get(part) or {} for part in ("guest", "workload", "strategy"))
    found: dict[str, Any] = {}
    if "domain" not in guest:
        if "memory_mib" not in guest:
            found["guest"] = {"memory_mib": Guest.memory_mib}
        if not {"working_set_mib", "working_set_of_memory"} & set(workload):
            found["workload"] = {"working_set_mib": WORKING_SET_MIB}
    if "downtime_limit_ms" not in strategy:
        found["strategy"] = {"downtime_limit_ms": StrategyChoice.downtime_limit_ms}
    return found


def _refuse_fast_link(scenario: Scenario, site: Mapping[str, Any], cell: Cell) -> None:
    """A link can be made slower for a block, but not faster than the site's."""
    has = float((site.get("link") or {}).get("rate_mbit_per_second") or 0)
    asked = scenario.link.rate_mbit_per_second
    if has and asked > has:
        raise ScenarioError(
            f"axes.link_rate_mbit_per_second has {cell.get('link_rate_mbit_per_second', asked):g}, but the site's link"
            f" carries {has:g}: leave the rate out, provide a faster link, or make a scaled replica"
            f" (replica.rate_scale of at most {has / asked:g} in the site's settings)."
        )


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
