# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figure that says what a tunnel and native TLS cost, and whether hybrid is worth it through the tunnel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw as draw
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, independent, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# What a strategy has beside the one that goes directly and in clear.
_TRANSPORT = {"tunnel", "tunnelled-postcopy", "tls"}
_CPU = (
    "cpu_seconds_source",
    "cpu_seconds_destination",
    "daemon_cpu_seconds_source",
    "daemon_cpu_seconds_destination",
)


def cpu_seconds(record: Record) -> float | None:
    """Return the CPU time of QEMU and of libvirt's daemon on both ends together; None unless all is known."""
    parts = [record["summary"].get(key) for key in _CPU]
    return None if any(part is None for part in parts) else sum(float(part) for part in parts if part is not None)


def _figure(key: str) -> Callable[[Record], float | None]:
    return lambda record: record["summary"].get(key)


MEASURES: tuple[tuple[str, Callable[[Record], float | None]], ...] = (
    ("total time", _figure("total_time_ms")),
    ("blackout", _figure("downtime_events_ms")),
    ("CPU of both ends", cpu_seconds),
)


@dataclass(frozen=True)
class Pair:
    """One cell against another that differs in the strategy alone."""

    cell: Cell
    reference: Cell

    @property
    def name(self) -> str:
        """What is held against what, and at which settings."""
        names = f"{self.cell.scenario.strategy.name} / {self.reference.scenario.strategy.name}"
        rate = self.cell.scenario.dirty_rate_of_link
        at = [part for part in (self.cell.label, f"{number(rate)} x link" if rate is not None else "") if part]
        return f"{names}\n{', '.join(at)}" if at else names

    def ratios(self, value: Callable[[Record], float | None]) -> list[float]:
        """Return each run's figure over the median of the reference; none without both."""
        middle = spread(independent(self.reference.completed, value))
        if middle is None or not middle.centre:
            return []
        return [found / middle.centre for found in independent(self.cell.completed, value)]


def direct(name: str) -> str | None:
    """Return the strategy that does the same directly and in clear; None for one that does so itself."""
    row = STRATEGIES[name]
    if not _TRANSPORT & set(row.features):
        return None
    plain = [feature for feature in row.features if feature not in _TRANSPORT]
    alike = (r for r in STRATEGIES.values() if list(r.features) == plain and r.switch == row.switch)
    return next((r.name for r in alike if not r.suspends_first), None)


def pairs(found: Sequence[Cell]) -> list[Pair]:
    """Return each encrypted cell against its direct one, then the tunnel's hybrid against the tunnel's pre-copy."""
    by_place = {(cell.label, cell.scenario.dirty_rate_of_link, cell.scenario.strategy.name): cell for cell in found}
    told = []
    for wanted in (direct, lambda name: "tunnelled-pre-copy" if name == "tunnelled-hybrid" else None):
        for (label, rate, name), cell in by_place.items():
            reference = by_place.get((label, rate, wanted(name) or ""))
            if reference is not None and cell.completed and reference.completed:
                told.append(Pair(cell, reference))
    return told


def transport(found: Sequence[Cell], _names: Sequence[str]) -> draw.Drawing | None:
    """Return the figure; None without a cell that went through a tunnel or TLS and a direct one beside it."""
    told = pairs(found)
    if not told:
        return None
    with draw.canvas([pair.name for pair in told], 0.56, "times the reference") as axes:
        for row, pair in enumerate(told):
            for index, (_title, value) in enumerate(MEASURES):
                ratios = pair.ratios(value)
                draw.points(axes, row, index, len(MEASURES), ratios, spread(ratios))
        axes.axvline(1, color=draw.MODEL_COLOUR, linewidth=1.2)
        draw.legend(axes, [title for title, _value in MEASURES])
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "transport",
        "Time and bytes",
        "What the tunnel costs, and what it buys",
        "Each run against the median of the reference, by total time, blackout and the CPU time of QEMU and libvirt's "
        f"daemon on both ends; left of the line is better. {' '.join(answers(told))}",
        svg,
    )


def answers(told: Sequence[Pair]) -> list[str]:
    """Return one sentence for each pair: by how much time and blackout differ, by their medians."""
    sentences = []
    for pair in told:
        middles = [spread(pair.ratios(value)) for _title, value in MEASURES[:2]]
        parts = [
            f"{number(middle.centre)} times the {title}"
            for (title, _value), middle in zip(MEASURES, middles)
            if middle is not None
        ]
        if parts:
            sentences.append(f"{' at '.join(pair.name.splitlines())}: {' and '.join(parts)}.")
    return sentences
