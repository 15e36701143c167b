# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign asks, as data: axes and their values, repetitions, order, limits, and how it will be judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _claims
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section, nearest, show
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS

# Where in a scenario the values of an axis belong. An axis without a place takes names that the definition explains.
AXES: dict[str, tuple[str, ...]] = {
    "flavor": (),
    "guests": ("guests",),
    "migrations_at_once": ("migrations_at_once",),
    "link_rate_mbit_per_second": ("link", "rate_mbit_per_second"),
    "driver": ("driver",),
    "strategy": ("strategy", "name"),
    "dirty_rate_of_link": ("workload", "dirty_rate_of_link"),
    "dirty_rate_mib_per_second": ("workload", "dirty_rate_mib_per_second"),
    "working_set_mib": ("workload", "working_set_mib"),
    "pattern": ("workload", "pattern"),
    "bandwidth_limit_mib_per_second": ("strategy", "bandwidth_limit_mib_per_second"),
    "downtime_limit_ms": ("strategy", "downtime_limit_ms"),
    "background_load": (),
    "load": (),
    "working_set_of_memory": ("workload", "working_set_of_memory"),
    "storage": ("guest", "storage"),
    "disk_gib": ("guest", "disk_gib"),
    "disk_usage": (),
    "fault": (),
}

# Changing one of these means other guests or another link, so all runs of a block share it.
BLOCK_AXES = ("flavor", "guests", "link_rate_mbit_per_second", "driver", "storage", "disk_gib", "disk_usage")

# The names an axis takes, and the part of the scenario that such a name stands for.
NAMED_AXES = {
    "flavor": ("flavors", "guest"),
    "background_load": ("background_loads", "background"),
    "fault": ("faults", "fault"),
    "load": ("loads", "workload"),
    "disk_usage": ("disk_usages", "guest"),
}

# The flavors of the published experiments, which every campaign knows; a definition adds to them and to what they have.
FLAVORS: dict[str, dict[str, int]] = {
    "t": {"vcpus": 1, "memory_mib": 512},
    "s": {"vcpus": 1, "memory_mib": 2048},
    "m": {"vcpus": 2, "memory_mib": 4096},
    "l": {"vcpus": 4, "memory_mib": 8192},
    "xl": {"vcpus": 8, "memory_mib": 16384},
}

LONGEST_WARM_UP_SECONDS = 2.0
HOST_LOSS_ANSWERS = ("stop", "wait")
# What to do with a cell that this site, its hosts or this collection cannot measure.
CANNOT_RUN_ANSWERS = ("refuse", "leave-out")

_KEYS = (
    "title",
    "axes",
    "flavors",
    "background_loads",
    "loads",
    "disk_usages",
    "faults",
    "scenario",
    "exclude",
    "repetitions",
    "seed",
    "warm_up_seconds",
    "time_limit_seconds",
    "time_limits",
    "budget_minutes",
    "when_a_host_is_lost",
    "when_a_cell_cannot_run",
    "verdict",
    "stopping",
    "claims",
)
_STOPPING_KEYS = ("figure", "relative_half_width")
_VERDICT_KEYS = ("tolerance", "smallest_number_of_runs", "confidence")
# What a later call may ask for in the folder of an earlier one: more of the same.
EXTENSIBLE = ("title", "repetitions", "budget_minutes", "when_a_host_is_lost", "when_a_cell_cannot_run")

Selection = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """How results will be judged, fixed before the first run: two cells are equivalent within tolerance (a share)."""

    tolerance: float = 0.1
    smallest_number_of_runs: int = 6
    confidence: float = 0.95


@dataclass(frozen=True)
class Stopping:
    """When a cell has been measured often enough: its median is known to this share of itself, at 95 % confidence."""

    figure: str
    relative_half_width: float


@dataclass(frozen=True)
class TimeLimit:
    """A time limit for the cells that a selection (axis to value) matches."""

    when: Selection
    seconds: float


@dataclass(frozen=True)
class Definition:
    """A campaign that can be planned. axes holds the values of each axis in the order of AXES."""

    axes: Mapping[str, Sequence[Any]]
    title: str = ""
    flavors: Mapping[str, Any] = field(default_factory=dict)
    background_loads: Mapping[str, Any] = field(default_factory=dict)
    loads: Mapping[str, Any] = field(default_factory=dict)
    disk_usages: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    scenario: Mapping[str, Any] = field(default_factory=dict)
    exclude: Sequence[Selection] = ()
    repetitions: int = 1
    seed: int = 1
    warm_up_seconds: float = LONGEST_WARM_UP_SECONDS
    time_limit_seconds: float = 20.0
    time_limits: Sequence[TimeLimit] = ()
    budget_minutes: float | None = None
    when_a_host_is_lost: str = "stop"
    when_a_cell_cannot_run: str = "refuse"
    verdict: Verdict = Verdict()
    stopping: Stopping | None = None
    claims: Sequence[_claims.Claim] = ()

    @classmethod
    def from_dict(cls, mapping: Any) -> Definition:
        """Return the campaign that a mapping describes; raises ScenarioError for the first thing wrong with it."""
        top = Section("", mapping, _KEYS, whole="the campaign")
        named = {axis: _names(top, key) for axis, (key, _part) in NAMED_AXES.items()}
        flavors = {name: {**FLAVORS.get(name, {}), **meaning} for name, meaning in named["flavor"].items()}
        named["flavor"] = {**FLAVORS, **flavors}
        axes = _axes(top, named)
        return cls(
            axes=axes,
            title=str(top.get("title") or cls.title),
            flavors=flavors,
            background_loads=named["background_load"],
            loads=named["load"],
            disk_usages=named["disk_usage"],
            faults=named["fault"],
            scenario=_mapping(top, "scenario"),
            exclude=[_selection(f"exclude[{n}]", given, axes) for n, given in enumerate(_list(top, "exclude"))],
            repetitions=top.whole("repetitions", cls.repetitions, at_most=1000),
            seed=top.whole("seed", cls.seed, at_least=0),
            warm_up_seconds=top.number(
                "warm_up_seconds", cls.warm_up_seconds, above=0, at_most=LONGEST_WARM_UP_SECONDS
            ),
            time_limit_seconds=top.number("time_limit_seconds", cls.time_limit_seconds, above=0),
            time_limits=_time_limits(top, axes),
            budget_minutes=top.number("budget_minutes", above=0) if top.has("budget_minutes") else None,
            when_a_host_is_lost=top.choice("when_a_host_is_lost", HOST_LOSS_ANSWERS, cls.when_a_host_is_lost),
            when_a_cell_cannot_run=top.choice("when_a_cell_cannot_run", CANNOT_RUN_ANSWERS, cls.when_a_cell_cannot_run),
            verdict=_verdict(top),
            stopping=_stopping(top),
            claims=_claims_on(axes, _list(top, "claims")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the campaign as from_dict takes it, in JSON types."""
        return {**asdict(self), "claims": [claim.to_dict() for claim in self.claims]}

    def meaning(self, axis: str, name: str) -> Mapping[str, Any]:
        """Return what a name on one of NAMED_AXES stands for."""
        names: Mapping[str, Mapping[str, Any]] = getattr(self, NAMED_AXES[axis][0])
        return names[name] if name in names else FLAVORS[name]

    def time_limit_of(self, cell: Selection) -> float:
        """Return the time limit of a cell: that of the last selection that matches, or the one for all."""
        matching = [limit.seconds for limit in self.time_limits if matches(limit.when, cell)]
        return matching[-1] if matching else self.time_limit_seconds


def matches(selection: Selection, cell: Selection) -> bool:
    """Return whether a cell (axis to value) has all values of a selection."""
    return all(cell.get(axis) == value for axis, value in selection.items())


def _axes(top: Section, named: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the axes in the order of AXES, each with values that differ."""
    section = Section("axes", top.get("axes") if top.has("axes") else {}, tuple(AXES))
    axes: dict[str, list[Any]] = {}
    for axis in AXES:
        if not section.has(axis):
            continue
        values = section.get(axis)
        if not isinstance(values, list) or not values:
            raise section.refuse(axis, "a list of at least one value")
        for place, value in enumerate(values):
            if value in values[:place]:
                raise ScenarioError(f"axes.{axis} has {show(value)} twice: leave one of them out.")
            if axis in named and value not in named[axis]:
                key, hint = NAMED_AXES[axis][0], nearest(str(value), list(named[axis]))
                raise ScenarioError(
                    f"axes.{axis} has {show(value)}, which {key} does not explain{hint}: add it to {key}."
                )
        axes[axis] = list(values)
    if "strategy" not in axes:
        raise ScenarioError("axes.strategy is missing; it must be a list of the strategies to compare.")
    return axes


def _names(top: Section, key: str) -> dict[str, Any]:
    """Return names and the mappings that they stand for."""
    names = _mapping(top, key)
    for name, meaning in names.items():
        if not isinstance(meaning, Mapping):
            raise ScenarioError(f"{key}.{name} is {show(meaning)}, but must be a mapping.")
    return names


def _time_limits(top: Section, axes: Mapping[str, Any]) -> list[TimeLimit]:
    """Return the time limits of particular cells."""
    limits = []
    for number, given in enumerate(_list(top, "time_limits")):
        section = Section(f"time_limits[{number}]", given, ("when", "seconds"))
        when = _selection(section.at("when"), section.get("when"), axes)
        limits.append(TimeLimit(when, section.number("seconds", above=0)))
    return limits


def _selection(path: str, given: Any, axes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return a selection of cells, each of whose values is on its axis: one that is not would silently select none."""
    section = Section(path, given, tuple(axes))
    selection = {axis: section.get(axis) for axis in axes if section.has(axis)}
    if not selection:
        raise ScenarioError(f"{path} selects nothing: give it at least one of the axes {', '.join(axes)}.")
    for axis, value in selection.items():
        if value not in axes[axis]:
            raise ScenarioError(
                f"{section.at(axis)} is {show(value)}, which is no value of axes.{axis}: it must be one of"
                f" {', '.join(map(str, axes[axis]))}."
            )
    return selection


def _verdict(top: Section) -> Verdict:
    """Return how results will be judged."""
    section = Section("verdict", _mapping(top, "verdict"), _VERDICT_KEYS)
    return Verdict(
        tolerance=section.number("tolerance", Verdict.tolerance, above=0, at_most=1),
        smallest_number_of_runs=section.whole("smallest_number_of_runs", Verdict.smallest_number_of_runs, at_least=2),
        confidence=section.number("confidence", Verdict.confidence, above=0.5, at_most=0.999),
    )


def _stopping(top: Section) -> Stopping | None:
    """Return when a cell has been measured often enough; None if that is after all repetitions."""
    if not top.has("stopping"):
        return None
    section = Section("stopping", top.get("stopping"), _STOPPING_KEYS)
    return Stopping(
        figure=section.choice("figure", tuple(SUMMARY_FIELDS), default="total_time_ms"),
        relative_half_width=section.number("relative_half_width", above=0, at_most=1),
    )


def _claims_on(axes: Mapping[str, Sequence[Any]], given: Sequence[Any]) -> list[_claims.Claim]:
    """Return the claims that the campaign is to decide, whose cells must be on its axes."""
    experiments = [str(claim["experiment"]) for claim in given if isinstance(claim, Mapping) and "experiment" in claim]
    claims = _claims.read(given, experiments)
    for claim in claims:
        for key, selection in (("cells", claim.cells), ("against", claim.against)):
            if selection:
                _selection(f"{key} of the claim {claim.id}", selection, axes)
        if claim.over is not None and claim.over not in axes:
            raise ScenarioError(
                f"The claim {claim.id} goes over {claim.over}, which is no axis of the campaign: name one of"
                f" {', '.join(axes)}."
            )
    return claims


def _mapping(top: Section, key: str) -> dict[str, Any]:
    """Return a mapping, empty if none is given."""
    value = top.get(key) if top.has(key) else {}
    if not isinstance(value, Mapping):
        raise top.refuse(key, "a mapping")
    return dict(value)


def _list(top: Section, key: str) -> list[Any]:
    """Return a list, empty if none is given."""
    value = top.get(key) if top.has(key) else []
    if not isinstance(value, list):
        raise top.refuse(key, "a list")
    return value
