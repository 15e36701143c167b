# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figure that says what a tunnel and native TLS cost, and whether hybrid is worth it through the tunnel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw as draw
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, independent, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES, Strategy
from ansible_collections.stsm.live_migration.plugins.module_utils._words import enumeration, number

# What a strategy has beside the one that goes directly and in clear.
_TRANSPORT = {"tunnel", "tunnelled-postcopy", "tls"}
_TUNNELLED = ("tunnelled-pre-copy", "tunnelled-hybrid")
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


# What is answered, and by which pairs of a strategy and its reference.
_QUESTIONS: tuple[tuple[str, Callable[[Strategy, Strategy], bool]], ...] = (
    (
        "Through the tunnel against in clear",
        lambda row, other: "tunnel" in row.features and other.name != _TUNNELLED[0],
    ),
    ("With native TLS against in clear", lambda row, _other: "tls" in row.features),
    ("Hybrid against pre-copy, both through the tunnel", lambda _row, other: other.name == _TUNNELLED[0]),
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


def _by_place(found: Sequence[Cell]) -> dict[tuple[str, float | None, str], Cell]:
    return {(cell.label, cell.scenario.dirty_rate_of_link, cell.scenario.strategy.name): cell for cell in found}


def pairs(found: Sequence[Cell]) -> list[Pair]:
    """Return each encrypted cell against its direct one, then the tunnel's hybrid against the tunnel's pre-copy."""
    by_place = _by_place(found)
    told = []
    for wanted in (direct, lambda name: _TUNNELLED[0] if name == _TUNNELLED[1] else None):
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
        f"daemon on both ends; left of the line is better. {' '.join(answers(found))}",
        svg,
    )


def answers(found: Sequence[Cell]) -> list[str]:
    """Return one sentence for the tunnel, for TLS, and for hybrid through the tunnel, over all settings.

    Ratios are of medians, from the lowest to the highest.
    """
    told = pairs(found)
    sentences = []
    for words, belongs in _QUESTIONS:
        some = [pair for pair in told if belongs(pair.cell.scenario.strategy.row, pair.reference.scenario.strategy.row)]
        parts = [
            f"{_range(middles)} times the {title}"
            for title, value in MEASURES
            for middles in [[m.centre for m in (spread(pair.ratios(value)) for pair in some) if m is not None]]
            if middles
        ]
        if parts:
            sentences.append(f"{words}: {enumeration(parts)}.")
    rescued = _moved_only_by_hybrid(found)
    if rescued:
        sentences.append(
            f"At {rescued} {'setting' if rescued == 1 else 'settings'} pre-copy through the tunnel did not move the"
            " guest, and hybrid through the tunnel did."
        )
    return sentences


def _moved_only_by_hybrid(found: Sequence[Cell]) -> int:
    """Return at how many settings the tunnel's hybrid moved the guest and its pre-copy never did."""
    by_place = _by_place(found)
    stuck = [place for place, cell in by_place.items() if place[2] == _TUNNELLED[0] and not cell.completed]
    others = (by_place.get((label, rate, _TUNNELLED[1])) for label, rate, _name in stuck)
    return sum(1 for cell in others if cell is not None and cell.completed)


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"
