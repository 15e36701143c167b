# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a report beside that of its cells. Each is a heading and rows of text; what stands in " (" is small."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Spread, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._comparisons import effect_rows
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import loads
from ansible_collections.stsm.live_migration.plugins.module_utils._old_measures import INTERVALS_MS
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import residual_values
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB
from ansible_collections.stsm.live_migration.plugins.module_utils._table import identity, identity_heading
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

Table = Sequence[Sequence[str]]


def vantage_table(found: Sequence[Cell]) -> Table:
    """Return each cell's downtime from each vantage point, with its own uncertainty, and how they differ, in ms.

    Nothing if no run moved a guest.
    """
    rows = [
        [
            *identity(cell, found),
            *(_with_uncertainty(cell, name) for name in ("events", "guest", "network")),
            *(
                _to_tenths(cell.figure(f"downtime_{name}_ms"))
                for name in ("guest_beyond_events", "network_beyond_guest")
            ),
            around_in_words(cell.figure("downtime_qemu_ms")),
        ]
        for cell in found
        if cell.completed
    ]
    heading = ["events", "guest", "network", "guest beyond events", "network beyond guest", "QEMU itself reports"]
    return [[*identity_heading(found), *heading], *rows] if rows else []


def old_measures_table(found: Sequence[Cell]) -> Table:
    """Return what ICCLab's instruments would have told of each cell beside today's figures; nothing if no guest moved.

    What ping would have told is a range already, so it is the least and the most of all runs.
    """
    rows = [
        [
            *identity(cell, found),
            _measured(cell, "total_time_ms", 1e-3),
            _measured(cell, "log_time_ms", 1e-3),
            around_in_words(cell.figure("downtime_events_ms")),
            around_in_words(cell.figure("downtime_network_ms")),
            *(_pinged(cell, interval_ms) for interval_ms in INTERVALS_MS),
        ]
        for cell in found
        if cell.completed
    ]
    heading = ["total time s", "by the log s", "events ms", "network ms", *(f"ping {each} ms" for each in INTERVALS_MS)]
    return [[*identity_heading(found), *heading], *rows] if rows else []


def model_table(found: Sequence[Cell]) -> Table:
    """Return what the models expect of each cell beside what was measured; nothing without a guest they know."""
    rows = []
    for cell in found:
        prediction = cell.prediction()
        if prediction is None or not cell.valid:
            continue
        blackout = "-" if prediction.downtime_ms is None else number(prediction.downtime_ms)
        rows.append(
            [
                *identity(cell, found),
                number(prediction.total_time_ms / 1e3) if prediction.converges else "does not end",
                _measured(cell, "total_time_ms", 1e-3),
                _residual(cell, "total_time_ms"),
                number(prediction.transferred_bytes / BYTES_PER_MIB),
                _measured(cell, "transferred_bytes", 1 / BYTES_PER_MIB),
                blackout,
                _measured(cell, "downtime_events_ms"),
                f"{'yes' if prediction.holds else 'no'}: {prediction.note}",
            ]
        )
    heading = [
        "model: total s",
        "measured",
        "residual",
        "model: MiB sent",
        "measured",
        "model: blackout ms",
        "measured",
        "inside the model's region",
    ]
    return [[*identity_heading(found), *heading], *rows] if rows else []


def effect_tables(found: Sequence[Cell]) -> list[tuple[str, Table]]:
    """Return for each load a table of its strategies against each other; none where the runs are too few."""
    heading = ["pair", "total time, s", "blackout, ms", "missed work, MiB"]
    tables = [(where, effect_rows(group)) for where, group in loads(found)]
    return [(where, [heading, *rows]) for where, rows in tables if rows]


def around_in_words(around: Spread | None) -> str:
    """Return a spread as a table shows it: its median, and its range or interval if there is one."""
    if around is None:
        return "-"
    centre, low, high = (number(value) for value in (around.centre, around.low, around.high))
    return centre if low == high else f"{centre} ({low} to {high})"


def _to_tenths(around: Spread | None) -> str:
    """Return a difference of two downtimes, of which more than a tenth of a millisecond would promise too much."""
    if around is None:
        return "-"
    centre, low, high = (round(value, 1) for value in (around.centre, around.low, around.high))
    return around_in_words(Spread(centre, low, high, around.runs, around.is_interval))


def _pinged(cell: Cell, interval_ms: int) -> str:
    """Return what ping might have told of any run of a cell, in ms."""
    told = [value for end in ("low", "high") for value in cell.values(f"downtime_ping_{interval_ms}_{end}_ms")]
    return f"{number(min(told))} to {number(max(told))}" if told else "-"


def _with_uncertainty(cell: Cell, name: str) -> str:
    """Return a downtime with the median of what its runs say of their own uncertainty."""
    around = cell.figure(f"downtime_{name}_ms")
    unsure = cell.figure(f"downtime_{name}_uncertainty_ms")
    if around is None or unsure is None:
        return "-"
    centre, opened, rest = around_in_words(around).partition(" (")
    return f"{centre} ± {number(unsure.centre)}{opened}{rest}"


def _measured(cell: Cell, key: str, scale: float = 1.0) -> str:
    """Return a figure of the runs that moved the guest, or of those that did not if none did."""
    around = cell.figure(key, cell.completed or cell.unconverged)
    return "-" if around is None else around_in_words(around.scaled(scale))


def _residual(cell: Cell, key: str) -> str:
    """Return by how much the median run lies above its model."""
    around = spread(residual_values(cell, key, key))
    return "-" if around is None else f"{round(around.centre, 1) + 0.0:+.1f} %"
