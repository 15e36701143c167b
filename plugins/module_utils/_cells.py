# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups run records into cells: the runs of one scenario on one stack, of which only the valid ones count."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

# From this many runs on, the smallest and the largest hold the median with 95 % confidence; below, they are a range.
RUNS_FOR_AN_INTERVAL = 6
CONFIDENCE = 0.95

# What makes no difference between two cells, or is told apart from the rest.
_UNLABELLED = (
    "guest.name",
    "guest.domain",
    "link.payload_mbit_per_second",
    "repetition",
    "strategy.name",
    "workload.dirty_rate_mib_per_second",
)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """The median of some runs, and the range or (from six runs on) the 95 % interval around it."""

    centre: float
    low: float
    high: float
    runs: int

    def scaled(self, factor: float) -> Spread:
        """Return the same spread in another unit."""
        return Spread(self.centre * factor, self.low * factor, self.high * factor, self.runs)


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return the spread of the values that are there; None without any.

    The interval is the one of order statistics, which assumes nothing of the distribution.
    """
    ordered = sorted(value for value in values if value is not None)
    if not ordered:
        return None
    cut = 0
    while _coverage(len(ordered), cut + 1) >= CONFIDENCE:
        cut += 1
    return Spread(median(ordered), ordered[cut], ordered[len(ordered) - 1 - cut], len(ordered))


def _coverage(runs: int, cut: int) -> float:
    """Return how sure it is that the median lies within the values left when cut are taken off at either end."""
    outside = 2 * sum(math.comb(runs, below) for below in range(cut + 1)) / 2**runs
    return 1 - outside if 2 * cut < runs else 0.0


@dataclass
class Cell:
    """All records of one scenario on one stack. label holds what else tells the cell from others of the campaign."""

    scenario: Scenario
    stack: str
    label: str = ""
    records: list[Record] = field(default_factory=list)

    @property
    def valid(self) -> list[Record]:
        """The runs that count."""
        return [record for record in self.records if record["valid"]]

    @property
    def completed(self) -> list[Record]:
        """The runs that count and moved the guest."""
        return [record for record in self.valid if record["outcome"] in ("completed", "recovered")]

    @property
    def unconverged(self) -> list[Record]:
        """The runs that count and whose time limit ended them."""
        return [record for record in self.valid if record["outcome"] == "not_converged"]

    def figure(self, key: str, records: Sequence[Record] | None = None) -> Spread | None:
        """Return the spread of one figure of the summary over the completed runs, or those given."""
        return spread(record["summary"][key] for record in (self.completed if records is None else records))


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the cells of all records, by what else was set, then by dirty rate, then by strategy."""
    found: dict[str, Cell] = {}
    for record in records:
        if record["cell_key"] not in found:
            found[record["cell_key"]] = Cell(Scenario.from_dict(record["scenario"]), _stack(record))
        found[record["cell_key"]].records.append(record)
    _label(list(found.values()))
    order = list(STRATEGIES)
    return sorted(
        found.values(),
        key=lambda cell: (
            cell.label,
            cell.scenario.dirty_rate_of_link or 0.0,
            order.index(cell.scenario.strategy.name),
        ),
    )


def _stack(record: Record) -> str:
    """Return the software of both ends, and where it is not the same on both, that of each."""
    ends = [
        f"QEMU {_dotted(facts['qemu_version'])}, libvirt {_dotted(facts['libvirt_version'])}, kernel {facts['kernel']}"
        for facts in record["hosts"].values()
    ]
    return ends[0] if len(set(ends)) == 1 else " to ".join(ends)


def _dotted(version: Any) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version)) if isinstance(version, (list, tuple)) else str(version)


def _label(found: Sequence[Cell]) -> None:
    """Give each cell a label of the settings in which the cells differ, beside strategy and dirty rate."""
    settings = [flat(cell.scenario.to_dict()) for cell in found]
    if len({cell.stack for cell in found}) > 1:
        for setting, cell in zip(settings, found):
            setting["stack"] = cell.stack
    keys = sorted({key for setting in settings for key in setting} - set(_UNLABELLED))
    varied = [key for key in keys if len({str(setting.get(key)) for setting in settings}) > 1]
    for setting, cell in zip(settings, found):
        cell.label = ", ".join(f"{key} {setting[key]}" for key in varied if setting.get(key) is not None)


def flat(mapping: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return a nested mapping as one of dotted keys."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{path}{key}."))
        else:
            found[path + key] = value
    return found
