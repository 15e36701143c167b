# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published claims as data: what was said, where, of which cells, and between which bounds a measurement bears it out.

A claim's bounds follow from the published figure and a tolerance, or stand in the claim where something was said in
words. A figure that is lost is ``unknown``, and nothing is ever reproduced by it; a site that has it can give it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section, nearest, show
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS

UNKNOWN = "unknown"

# What a claim may be about, and what its bounds then bound.
MEASURES = {
    "value": "the median of a figure",
    "ratio": "how many times as much a figure is in the cells as in those they stand against",
    "mean_ratio": "the mean over an axis of that ratio, of the runs of one repetition",
    "order": "how many times as much a figure is in each cell as in the one before it on an axis",
    "spread": "the largest difference of a figure between any two cells of an axis",
    "probability": "the probability that the guest moves within its time limit, of all runs of the cells",
}

# Figures that a record's summary does not hold as they are, and that have no unit.
SHARES = {
    "link_use": "time that the bytes take at the link's payload rate over the time that the stream took",
    "sent_of_memory": "bytes sent over the guest's memory",
}

_CLAIM_KEYS = (
    "id",
    "experiment",
    "statement",
    "source",
    "measure",
    "figure",
    "cells",
    "against",
    "over",
    "published",
    "tolerance",
    "at_least",
    "at_most",
    "smallest_number_of_runs",
)
_FIGURE_KEYS = ("published", "source")


@dataclass(frozen=True)
class Claim:
    """One claim. cells and against select cells by axis and value; over is the axis whose every value is meant.

    published is a figure, one for each value of over (as texts), UNKNOWN, or None where the claim was made in words.
    """

    id: str
    experiment: str
    statement: str
    source: str
    measure: str
    cells: Mapping[str, Any]
    figure: str | None = None
    against: Mapping[str, Any] = field(default_factory=dict)
    over: str | None = None
    published: Any = None
    tolerance: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    smallest_number_of_runs: int | None = None
    # Who says what was published, where that is a site and not the claim's source.
    figure_source: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the published figure is not known."""
        return bool(self.published == UNKNOWN)

    @property
    def is_absolute(self) -> bool:
        """Whether the claim is about seconds or bytes, which depend on the machines, and not about a ratio."""
        return self.measure in ("value", "spread") and self.figure not in SHARES

    def bounds(self, place: Any, tolerance: float) -> tuple[float, float]:
        """Return between what a measurement must lie to bear the claim out, at a place of the axis over."""
        published = self.published.get(str(place)) if isinstance(self.published, Mapping) else self.published
        if published is not None:
            share = tolerance if self.tolerance is None else self.tolerance
            return published * (1 - share), published * (1 + share)
        return (
            -math.inf if self.at_least is None else self.at_least,
            math.inf if self.at_most is None else self.at_most,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the claim as read takes it, in JSON types, without what is not set."""
        return {key: value for key, value in asdict(self).items() if value not in (None, {})}


def read(given: Any, experiments: Sequence[str]) -> list[Claim]:
    """Return the claims of a list; raises ScenarioError for the first thing wrong, as an experiment nobody knows."""
    if not isinstance(given, (list, tuple)):
        raise ScenarioError(f"claims is {show(given)}, but must be a list of claims.")
    claims: list[Claim] = []
    for number, mapping in enumerate(given):
        claim = _read(f"claims[{number}]", mapping)
        if claim.experiment not in experiments:
            raise ScenarioError(
                f"The claim {claim.id} is about the experiment '{claim.experiment}', which is not known"
                f"{nearest(claim.experiment, experiments)}: name one of {', '.join(sorted(experiments))}."
            )
        if claim.id in {other.id for other in claims}:
            raise ScenarioError(f"claims has {claim.id} twice: give each claim an id of its own.")
        claims.append(claim)
    return claims


def with_figures(claims: Sequence[Claim], figures: Any) -> list[Claim]:
    """Return the claims with the published figures that a site has: claim to ``published`` and ``source``.

    A site may give what is lost, and may not change what was read in the source.
    """
    if not isinstance(figures, Mapping):
        raise ScenarioError(f"The site's figures are {show(figures)}, but must be a mapping of claims.")
    known = {claim.id: claim for claim in claims}
    for name, given in figures.items():
        if name not in known:
            raise ScenarioError(
                f"A published figure is given for {name}, which is no claim{nearest(str(name), list(known))}:"
                " name a claim by its id."
            )
        claim = known[name]
        section = Section(f"figures.{name}", given, _FIGURE_KEYS)
        source = section.get("source")
        if not isinstance(source, str) or not source.strip():
            raise section.refuse("source", "a text that says where the figure was published")
        if not claim.is_lost and claim.figure_source is None:
            raise ScenarioError(f"The figure of {name} is not lost, it is in {claim.source}: leave figures.{name} out.")
        known[name] = replace(claim, published=_published(section), figure_source=source)
    return list(known.values())


def _read(path: str, mapping: Any) -> Claim:
    """Return the claim that a mapping describes."""
    section = Section(path, mapping, (*_CLAIM_KEYS, "figure_source"))
    measure = section.choice("measure", tuple(MEASURES))
    figure = None
    if measure != "probability":
        figure = section.choice("figure", (*SUMMARY_FIELDS, *SHARES))
    for key in ("statement", "source"):
        if not isinstance(section.get(key), str):
            raise section.refuse(key, "a text")
    if measure in ("mean_ratio", "order", "spread") and not section.has("over"):
        raise section.refuse("over", f"the axis along which the measure '{measure}' goes")
    if measure in ("ratio", "mean_ratio") and not section.has("against"):
        raise section.refuse("against", "the cells that the others are a ratio of")
    cells, against = _selection(section, "cells"), _selection(section, "against")
    if against and set(cells) != set(against):
        raise ScenarioError(
            f"{path}.cells selects by {_axes(cells)} and {path}.against by {_axes(against)}: name the same axes"
            " in both, so that it is clear which cells stand against each other."
        )
    bounded = [key for key in ("published", "at_least", "at_most") if section.has(key)]
    if not bounded:
        raise section.refuse("published", f"a figure or '{UNKNOWN}', unless at_least or at_most are given")
    return Claim(
        id=section.name("id"),
        experiment=section.name("experiment"),
        statement=str(section.get("statement")),
        source=str(section.get("source")),
        measure=measure,
        figure=figure,
        cells=cells,
        against=against,
        over=section.get("over"),
        published=_published(section) if section.has("published") else None,
        tolerance=section.number("tolerance", above=0, at_most=10) if section.has("tolerance") else None,
        at_least=section.number("at_least") if section.has("at_least") else None,
        at_most=section.number("at_most") if section.has("at_most") else None,
        smallest_number_of_runs=section.whole("smallest_number_of_runs", at_least=2)
        if section.has("smallest_number_of_runs")
        else None,
        figure_source=section.get("figure_source"),
    )


def _published(section: Section) -> Any:
    """Return the published figure, the figures along an axis, or UNKNOWN."""
    value = section.get("published")
    if value == UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping):
        named = {str(key): figure for key, figure in value.items()}
        along = Section(section.at("published"), named, list(named))
        return {key: along.number(key) for key in named}
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise section.refuse("published", f"a number, a mapping of numbers, or '{UNKNOWN}'")
    return float(value)


def _axes(selection: Mapping[str, Any]) -> str:
    """Return the axes of a selection in words."""
    return ", ".join(selection) or "nothing"


def _selection(section: Section, key: str) -> dict[str, Any]:
    """Return a selection of cells; whether its values are on their axes, the campaign knows."""
    value = section.get(key) if section.has(key) else {}
    if not isinstance(value, Mapping):
        raise section.refuse(key, "a mapping of axes and values")
    return dict(value)
