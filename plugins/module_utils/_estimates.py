# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runs say of a claim's measure: an estimate with its interval, by the statistics that fit the measure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median
from typing import Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _power, _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, independent
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import Claim
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number


@dataclass(frozen=True)
class Estimate:
    """An estimate and the interval that holds it; method says how it was found, dominance is Cliff's delta.

    detectable is the smallest ratio or difference that as many such runs tell apart in four of five campaigns, and
    bootstrap the percentile bootstrap's interval of the same quantity from medians, which promises more than it holds.
    """

    centre: float
    low: float
    high: float
    method: str
    dominance: float | None = None
    detectable: float | None = None
    bootstrap: tuple[float, float] | None = None

    @property
    def words(self) -> str:
        """The estimate with its interval."""
        return f"{number(self.centre)} ({number(self.low)} to {number(self.high)})"


# How a measure is told, before its estimate.
_MEASURED = {
    "value": "the median {figure} is",
    "ratio": "the ratio of the {figure} is",
    "mean_ratio": "the mean ratio of the {figure} is",
    "order": "the ratio of the {figure} is",
    "spread": "the difference of the {figure} is",
    "probability": "the probability that the guest moves is",
}
_FIGURES = {"link_use": "use of the link", "sent_of_memory": "share of the memory that was sent"}


def measured_words(claim: Claim) -> str:
    """Return what of a claim was estimated, as the begin of a sentence."""
    figure = str(claim.figure)
    name, _separator, unit = figure.rpartition("_")
    in_unit = f"{name} in {unit}" if unit in ("ms", "us", "mib") else figure
    words = _FIGURES.get(figure, in_unit.replace("_", " "))
    return _MEASURED[claim.measure].format(figure=words)


def estimate(claim: Claim, measured: Sequence[Cell], against: Sequence[Cell], confidence: float) -> Estimate | None:
    """Return what the cells show, and those that they stand against if there are any.

    None where so few runs allow no interval of this confidence.
    """
    if claim.measure == "probability":
        return _probability(measured, confidence)
    if claim.measure == "mean_ratio":
        return _value(_mean_ratios(claim, measured, against), confidence)
    sample = values(claim, measured[0])
    if not against:
        return _value(sample, confidence)
    other = values(claim, against[0])
    return _difference(other, sample, confidence) if claim.measure == "spread" else _ratio(other, sample, confidence)


def values(claim: Claim, cell: Cell) -> list[float]:
    """Return the claim's figure of a cell's runs that moved the guest."""
    return independent(cell.completed, _reader(claim))


def _reader(claim: Claim) -> Callable[[Record], float | None]:
    """Return what reads the claim's figure from a record."""
    key = str(claim.figure)
    return _SHARES.get(key, lambda record: record["summary"][key])


def _mean_ratios(claim: Claim, measured: Sequence[Cell], against: Sequence[Cell]) -> list[float]:
    """Return for each repetition that all cells have the mean of their ratios: what drifts with time touches both."""
    sides = [[_by_repetition(claim, cell) for cell in side] for side in (measured, against)]
    common = set.intersection(*(set(found) for side in sides for found in side))
    return [mean(other[n] / one[n] for other, one in zip(*sides)) for n in sorted(common)]


def _by_repetition(claim: Claim, cell: Cell) -> dict[int, float]:
    """Return the claim's figure of each repetition in which the guest moved."""
    found: dict[int, list[Record]] = {}
    for record in cell.completed:
        found.setdefault(record["scenario"]["repetition"], []).append(record)
    known = {number: independent(records, _reader(claim)) for number, records in found.items()}
    return {number: median(figures) for number, figures in known.items() if figures and median(figures) > 0}


def runs_of(claim: Claim, cell: Cell) -> int:
    """Return how many independent runs of a cell say something of the claim."""
    if claim.measure == "probability":
        return cell.success.runs if cell.success else 0
    return len(values(claim, cell))


def runs_behind(claim: Claim, cell: Cell) -> list[Record]:
    """Return the records that the estimate rests on."""
    return [*cell.completed, *cell.unconverged] if claim.measure == "probability" else cell.completed


def _link_use(record: Record) -> float | None:
    bytes_ms, stream_ms = record["summary"]["payload_time_ms"], record["summary"]["transfer_time_ms"]
    return bytes_ms / stream_ms if bytes_ms is not None and stream_ms else None


def _sent_of_memory(record: Record) -> float | None:
    sent, memory_mib = record["summary"]["transferred_bytes"], record["scenario"]["guest"].get("memory_mib")
    return sent / (memory_mib * BYTES_PER_MIB) if sent is not None and memory_mib else None


_SHARES: dict[str, Callable[[Record], float | None]] = {"link_use": _link_use, "sent_of_memory": _sent_of_memory}


def _value(sample: Sequence[float], confidence: float) -> Estimate | None:
    interval = _statistics.median_interval(sorted(sample), confidence)
    if interval is None:
        return None
    bootstrap = _statistics.bootstrap_interval([sample], lambda centre: centre, confidence)
    return Estimate(median(sample), *interval, "median, interval of order statistics", bootstrap=bootstrap)


def _ratio(one: Sequence[float], other: Sequence[float], confidence: float) -> Estimate | None:
    found = _statistics.ratio(one, other, confidence)
    if found is None:
        return None
    return Estimate(
        found.centre,
        found.low,
        found.high,
        "median of all ratios of two runs, interval of Mann and Whitney",
        found.dominance,
        _power.detectable_ratio(found, len(one) + len(other), confidence),
        _statistics.bootstrap_interval([one, other], lambda first, second: second / first, confidence),
    )


def _difference(one: Sequence[float], other: Sequence[float], confidence: float) -> Estimate | None:
    """Return how far two cells are apart, whichever is above: an interval across zero begins at zero."""
    found = _statistics.shift(one, other, confidence)
    if found is None:
        return None
    low, high = sorted((abs(found.low), abs(found.high)))
    return Estimate(
        abs(found.centre),
        low if found.is_told_apart else 0.0,
        high,
        "absolute median of all differences of two runs, interval of Mann and Whitney",
        found.dominance,
        _power.detectable_shift(found, len(one) + len(other), confidence),
        _statistics.bootstrap_interval([one, other], lambda first, second: abs(second - first), confidence),
    )


def _probability(measured: Sequence[Cell], confidence: float) -> Estimate | None:
    """Return how likely the guest moves, over all runs of all cells."""
    seen = [cell.success for cell in measured if cell.success]
    successes, runs = sum(one.successes for one in seen), sum(one.runs for one in seen)
    interval = _statistics.proportion_interval(successes, runs, confidence)
    return None if interval is None else Estimate(successes / runs, *interval, "share of runs, Wilson's interval")
