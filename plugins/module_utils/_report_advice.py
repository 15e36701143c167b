# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would have been advised at each load of a campaign, and how the forecasts that it rests on came out."""

from __future__ import annotations

from typing import Sequence, Tuple

from ansible_collections.stsm.live_migration.plugins.module_utils import _advice
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell
from ansible_collections.stsm.live_migration.plugins.module_utils._draws import Range
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import loads
from ansible_collections.stsm.live_migration.plugins.module_utils._outlook import Outlook, outlook
from ansible_collections.stsm.live_migration.plugins.module_utils._report_tables import Table, around_in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._table import identity, identity_heading

# Title, figure of the summary, part of the outlook, scale to the unit of the title.
_FIGURES = (
    ("total s", "total_time_ms", "total_ms", 1e-3),
    ("blackout ms", "downtime_events_ms", "downtime_ms", 1.0),
    ("brownout ms", "brownout_ms", "brownout_ms", 1.0),
)
Forecast = Sequence[Tuple[Cell, Outlook]]


def forecasts(found: Sequence[Cell]) -> Forecast:
    """Return the cells of strategies that the models reach, each with what a plan expects of it."""
    told = []
    for cell in found:
        if cell.scenario.strategy.name in _advice.MODELLED and cell.valid and cell.prediction() is not None:
            expected = outlook(cell.scenario)
            if expected is not None:
                told.append((cell, expected))
    return told


def advice_sentences(forecast: Forecast) -> list[str]:
    """Return the advice at each load, and how much of what was forecast came out."""
    expected = {id(cell): told for cell, told in forecast}
    told = []
    for where, group in loads([cell for cell, _told in forecast]):
        options = [_advice.Option(cell.scenario, expected[id(cell)]) for cell in group]
        if len({one.name for one in options}) == len(options) > 1:
            told.append(f"{where}: {_advice.advise(options).sentence}")
    return told + _account(forecast)


def forecast_table(forecast: Forecast) -> Table:
    """Return what was expected of each cell beside what came; nothing without a forecast."""
    cells = [cell for cell, _told in forecast]
    rows = []
    for cell, expected in forecast:
        seen = cell.success
        moved = "-" if seen is None else f"{seen.successes} of {seen.runs}"
        columns = [f"{expected.probability:.0%}", moved]
        for _title, key, part, scale in _FIGURES:
            told: Range | None = getattr(expected, part)
            columns.append("-" if told is None else _advice.range_in_words(told, scale))
            figure = cell.figure(key)
            inside, count = _inside(cell, key, told)
            columns.append("-" if figure is None else around_in_words(figure.scaled(scale)))
            columns.append(f"{inside} of {count}" if count else "-")
        rows.append([*identity(cell, cells), *columns])
    heading = ["expected to move", "moved"]
    for title, _key, _part, _scale in _FIGURES:
        heading += [f"{title} expected", "measured", "inside"]
    return [[*identity_heading(cells), *heading], *rows] if rows else []


def _inside(cell: Cell, key: str, told: Range | None) -> tuple[int, int]:
    """Return how many of a cell's runs lie in the interval that was told, and of how many."""
    values = cell.values(key) if told is not None else []
    return sum(told.low <= value <= told.high for value in values if told is not None), len(values)


def _account(forecast: Forecast) -> list[str]:
    """Return in one sentence how much of what was to hold for nine of ten runs held."""
    parts = []
    for title, key, part, _scale in _FIGURES:
        counts = [_inside(cell, key, getattr(expected, part)) for cell, expected in forecast]
        inside, count = (sum(column) for column in zip(*counts)) if counts else (0, 0)
        if count:
            parts.append(f"{title.rpartition(' ')[0]} {inside} of {count} ({inside / count:.0%})")
    if not parts:
        return []
    sure = [(cell, expected) for cell, expected in forecast if expected.probability >= _advice.SURE and cell.success]
    unlikely = [(c, e) for c, e in forecast if e.probability <= 1 - _advice.SURE and c.success]
    words = f"Inside their intervals, which were to hold nine of ten runs, lie: {', '.join(parts)}"
    for name, group in (("sure to move", sure), ("not expected to move", unlikely)):
        if group:
            successes = [cell.success for cell, _expected in group if cell.success]
            moved, runs = sum(s.successes for s in successes), sum(s.runs for s in successes)
            words += f"; of guests that were {name}, {moved} of {runs} did"
    return [f"{words}."]
