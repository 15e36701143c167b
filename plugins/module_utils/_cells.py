# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups run records into cells: the runs of one scenario on one stack, of which only the valid ones count."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Callable, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._models import Prediction, predict
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import Accelerator, accelerators, in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import FATES, MOVED
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import (
    median_interval,
    proportion_interval,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

# What makes no difference between two cells, or is told apart from the rest.
_UNLABELLED = (
    "guest.name",
    "guest.domain",
    "link.payload_mbit_per_second",
    "repetition",
    "strategy.name",
    "workload.dirty_rate_mib_per_second",
)

# What may differ with the strategy, and so labels cells only if nothing else tells them apart.
_LIMITS = ("time_limit_seconds",)
# Numbers of strategies that those that have them always have.
_ALWAYS_SET = {f"strategy.{key}" for row in STRATEGIES.values() for key in row.defaults}

# Told in words of its own.
_REPLICA = ("replica.memory_scale", "replica.rate_scale")

# As much of a build id as tells two apart.
_BUILD_DIGITS = 8

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """The median of some runs with the 95 % interval that holds it (from six runs on) or with the runs' range."""

    centre: float
    low: float
    high: float
    runs: int
    is_interval: bool = False

    def scaled(self, factor: float) -> Spread:
        """Return the same spread in another unit."""
        return replace(self, centre=self.centre * factor, low=self.low * factor, high=self.high * factor)


def spread(values: Iterable[float]) -> Spread | None:
    """Return the spread of some values; None without any."""
    ordered = sorted(values)
    if not ordered:
        return None
    interval = median_interval(ordered)
    low, high = interval or (ordered[0], ordered[-1])
    return Spread(median(ordered), low, high, len(ordered), interval is not None)


@dataclass(frozen=True)
class Success:
    """In how many of the runs that count the guest moved; low and high hold the probability, or are both None."""

    successes: int
    runs: int
    low: float | None
    high: float | None

    @property
    def share(self) -> float:
        """The share of runs that moved the guest."""
        return self.successes / self.runs

    @property
    def is_certain(self) -> bool:
        """Whether all runs ended alike."""
        return self.successes in (0, self.runs)


@dataclass
class Cell:
    """All records of one scenario on one stack. label holds what else tells the cell from others of the campaign."""

    scenario: Scenario
    stack: str
    label: str = ""
    records: list[Record] = field(default_factory=list)
    _predictions: dict[float | None, Prediction | None] = field(default_factory=dict, repr=False)

    @property
    def accelerators(self) -> list[Accelerator]:
        """On what its guests ran."""
        return accelerators(self.records)

    @property
    def valid(self) -> list[Record]:
        """The runs that count."""
        return [record for record in self.records if record["valid"]]

    @property
    def completed(self) -> list[Record]:
        """The runs that count and moved the guest."""
        return [record for record in self.valid if record["outcome"] in MOVED]

    @property
    def unconverged(self) -> list[Record]:
        """The runs that count and whose time limit ended them."""
        return [record for record in self.valid if record["outcome"] == "not_converged"]

    @property
    def ruined(self) -> list[Record]:
        """The runs that count and in which a fault that was asked for kept the guest from moving."""
        return [record for record in self.valid if record["outcome"] in FATES]

    @property
    def success(self) -> Success | None:
        """How often the guest moved, or all guests that moved at once; None if no run counts."""
        moved: dict[str, bool] = {}
        for record in (*self.completed, *self.unconverged, *self.ruined):
            moved[_group(record)] = moved.get(_group(record), True) and record["outcome"] in MOVED
        if not moved:
            return None
        low, high = proportion_interval(sum(moved.values()), len(moved)) or (None, None)
        return Success(sum(moved.values()), len(moved), low, high)

    def prediction(self, record: Record | None = None) -> Prediction | None:
        """Return what the models expect of a run at the payload rate that it found, or of the cell's first run.

        None for a site's own guest, and for one that a fault is to strike.
        """
        if self.scenario.fault is not None:
            return None
        link = self.scenario.link
        payload = record["scenario"]["link"]["payload_mbit_per_second"] if record else link.payload_mbit_per_second
        if payload not in self._predictions:
            asked = replace(self.scenario, link=replace(link, payload_mbit_per_second=payload))
            self._predictions[payload] = predict(asked)
        return self._predictions[payload]

    def values(self, key: str, records: Sequence[Record] | None = None) -> list[float]:
        """Return one figure of the summary of the completed runs, or those given, as independent values."""
        return independent(self.completed if records is None else records, lambda record: record["summary"].get(key))

    def figure(self, key: str, records: Sequence[Record] | None = None) -> Spread | None:
        """Return the spread of one figure of the summary over the completed runs, or those given."""
        return spread(self.values(key, records))


def independent(records: Sequence[Record], value: Callable[[Record], float | None]) -> list[float]:
    """Return the value of each run that has one; of guests that moved at once only their median.

    They share one moment of link and hosts: to count them as runs of their own would promise too narrow an interval.
    """
    found: dict[str, list[float]] = {}
    for record in records:
        known = value(record)
        if known is not None:
            found.setdefault(_group(record), []).append(known)
    return [median(values) for values in found.values()]


def _group(record: Record) -> str:
    """Return what guests that moved at once have in common."""
    return str(record.get("group_id") or record["run_id"])


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
    settings = [
        {**flat(cell.scenario.to_dict()), "guest.accelerator": in_words(cell.accelerators) or None} for cell in found
    ]
    if len({cell.stack for cell in found}) > 1:
        for setting, cell in zip(settings, found):
            setting["stack"] = cell.stack
    _label_by(found, settings, {*_UNLABELLED, *_LIMITS, *_REPLICA})
    if _are_alike(found):
        _label_by(found, settings, {*_UNLABELLED, *_REPLICA})
    if _are_alike(found):
        # The same versions may be of several builds, of which a patch tells no number.
        built = [{**setting, **_builds(cell.records[0])} for setting, cell in zip(settings, found)]
        _label_by(found, built, {*_UNLABELLED, *_REPLICA})
    for cell in found:
        # Also where all cells are replicas: none of them may be taken for the real size.
        if cell.scenario.replica:
            cell.label = ", ".join(filter(None, (cell.scenario.replica.words, cell.label)))


def _are_alike(found: Sequence[Cell]) -> bool:
    """Return whether any two cells look the same."""
    looks = {(cell.label, cell.scenario.dirty_rate_of_link, cell.scenario.strategy.name) for cell in found}
    return len(looks) < len(found)


def _builds(record: Record) -> dict[str, str]:
    """Return the begin of each program's build id, of both ends where they are not the same."""
    ends = [dict(build.split(":", 1) for build in end.split()) for end in record["builds"]]
    return {
        f"build of {name}": " to ".join(dict.fromkeys(end.get(name, "-")[:_BUILD_DIGITS] for end in ends))
        for name in ends[0]
    }


def _label_by(found: Sequence[Cell], settings: Sequence[Mapping[str, Any]], unlabelled: set[str]) -> None:
    """Label each cell by the settings that differ between any two of them."""
    keys = sorted({key for setting in settings for key in setting} - unlabelled)
    varied = [key for key in keys if _varies(key, settings)]
    for setting, cell in zip(settings, found):
        cell.label = ", ".join(f"{key} {_plain(setting[key])}" for key in varied if setting.get(key) is not None)


def _varies(key: str, settings: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether cells differ in a setting; the strategy itself tells of those that only some strategies have."""
    having = [s for s in settings if key in s] if key in _ALWAYS_SET else settings
    return len({str(setting.get(key)) for setting in having}) > 1


def _plain(value: Any) -> str:
    """Return a setting as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def flat(mapping: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return a nested mapping as one of dotted keys."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{path}{key}."))
        else:
            found[path + key] = value
    return found
