# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All figures of a campaign: its charts, and those that show something else than runs of one figure of the summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw as draw
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, Spread, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._report_charts import CHARTS, chart_runs, chart_svg
from ansible_collections.stsm.live_migration.plugins.module_utils._report_quality import brownout_curve, fault_latency
from ansible_collections.stsm.live_migration.plugins.module_utils._report_transport import transport
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# So many cells are in one figure at most.
MOST_ROWS = 48

# The parts that the longest of three downtimes is made of, in the order in which they are stacked.
PARTS = (
    ("events", "downtime_events_ms"),
    ("guest beyond events", "downtime_guest_beyond_events_ms"),
    ("network beyond guest", "downtime_network_beyond_guest_ms"),
)

# What a run and the prediction of it have in common: title, figure of the summary, figure of the prediction.
RESIDUALS = (
    ("total time", "total_time_ms", "total_time_ms"),
    ("bytes sent", "transferred_bytes", "transferred_bytes"),
)


def figures(found: Sequence[Cell], names: Sequence[str]) -> list[draw.Drawing]:
    """Return the figures that can be drawn of cells with these names; none without the drawing package.

    More cells than a reader takes in at once make several figures of a kind.
    """
    if draw.missing() or not found:
        return []
    parts = [(first, first + MOST_ROWS) for first in range(0, len(found), MOST_ROWS)]
    pages = [_one_part(found[first:after], names[first:after]) for first, after in parts]
    drawn = [
        _part(drawing, number, len(parts), parts[number - 1][0])
        for number, page in enumerate(pages, 1)
        for drawing in page
    ]
    kinds = list(dict.fromkeys(drawing.name.partition("-")[0] for drawing in drawn))
    drawn.sort(key=lambda drawing: kinds.index(drawing.name.partition("-")[0]))
    groups = list(dict.fromkeys(figure.group for figure in drawn))
    return sorted(drawn, key=lambda figure: groups.index(figure.group))


def _one_part(found: Sequence[Cell], names: Sequence[str]) -> list[draw.Drawing]:
    """Return one figure of each kind, of few cells."""
    drawn = [
        draw.Drawing(chart.name, chart.group, chart.title, chart.caption, svg, runs=chart_runs(chart, found))
        for chart in CHARTS
        for svg in [chart_svg(chart, found, names)]
        if svg is not None
    ]
    return drawn + [figure for figure in (make(found, names) for make in _OTHERS) if figure is not None]


def _part(drawing: draw.Drawing, number: int, count: int, first: int) -> draw.Drawing:
    """Return a figure as one of several of its kind, by its name and title."""
    if count == 1:
        return drawing
    name = drawing.name if number == 1 else f"{drawing.name}-{number}"
    return replace(drawing, name=name, title=f"{drawing.title} ({number} of {count})", first=first)


def decomposition(found: Sequence[Cell], names: Sequence[str]) -> draw.Drawing | None:
    """Return what each cell's outage is made of, as shares of the whole; None without a cell that shows all parts."""
    rows = [[cell.figure(key) for _title, key in PARTS] for cell in found]
    if not any(all(parts) for parts in rows):
        return None
    with draw.canvas(names, 0.3, "per cent of the outage that the network saw") as axes:
        for row, parts in enumerate(rows):
            sizes = [part.centre for part in parts if part is not None]
            with draw.in_row(axes, row):
                if len(sizes) < len(PARTS):
                    draw.remark(axes, row, "not seen from all three")
                else:
                    _stack(axes, row, sizes)
        axes.set_xlim(0, 150)
        axes.set_xticks(range(0, 101, 25))
        axes.spines["bottom"].set_bounds(0, 100)
        draw.legend(axes, [title for title, _key in PARTS])
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "decomposition",
        "Downtime",
        "What the outage is made of",
        "Medians. Events: the blackout that both QEMUs report. Guest beyond events: the guest still stood, unseen by "
        "QEMU. Network beyond guest: until an observer on the guest's network was answered again.",
        svg,
    )


def _stack(axes: Any, row: int, sizes: Sequence[float]) -> None:
    """Draw the parts of one cell one behind the other, and write what they are."""
    whole = sum(max(0.0, size) for size in sizes) or 1.0
    begin = 0.0
    for index, size in enumerate(sizes):
        share = max(0.0, size) / whole * 100
        axes.barh(row, share, left=begin, height=0.55, color=draw.SERIES_COLOURS[index])
        begin += share
    words = number(round(sizes[0], 1))
    for size in sizes[1:]:
        words += f" {'-' if size < 0 else '+'} {number(round(abs(size), 1))}"
    axes.text(103, row, f"{words} ms", va="center", fontsize=8)


def success(found: Sequence[Cell], names: Sequence[str]) -> draw.Drawing | None:
    """Return how likely each cell's guest moves within its time limit; None if every run moved it."""
    known = [(row, cell.success) for row, cell in enumerate(found)]
    if not any(seen and seen.successes < seen.runs for _row, seen in known):
        return None
    with draw.canvas(names, 0.3, "per cent of the runs that count") as axes:
        for row, seen in known:
            if seen is None:
                continue
            low, high = (seen.share if bound is None else bound for bound in (seen.low, seen.high))
            around = Spread(100 * seen.share, 100 * low, 100 * high, seen.runs, seen.low is not None)
            with draw.in_row(axes, row):
                draw.centre(axes, around, row, 0.8, draw.SERIES_COLOURS[0])
                axes.text(104, row, f"{seen.successes} of {seen.runs}", va="center", fontsize=8)
        axes.set_xlim(-2, 122)
        axes.set_xticks(range(0, 101, 25))
        axes.spines["bottom"].set_bounds(0, 100)
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "success",
        "Time and bytes",
        "Probability that the guest moves",
        "Share of the runs that moved the guest within the time limit; the line is Wilson's 95 % interval of the "
        "probability. Few runs prove little: after three of three, a failure in every other run is still possible.",
        svg,
    )


def residuals(found: Sequence[Cell], names: Sequence[str]) -> draw.Drawing | None:
    """Return how far each run lies from its model, in per cent of the model; None without both."""
    rows = [[residual_values(cell, key, expected) for _title, key, expected in RESIDUALS] for cell in found]
    if not any(values for row in rows for values in row):
        return None
    with draw.canvas(names, 0.44, "per cent above or below the model") as axes:
        for row, (cell, series) in enumerate(zip(found, rows)):
            prediction = cell.prediction()
            with draw.in_row(axes, row):
                for index, values in enumerate(series):
                    draw.points(axes, row, index, len(series), values, spread(values))
                if any(series) and prediction and not prediction.holds:
                    axes.text(
                        1, row, "outside the region", transform=axes.get_yaxis_transform(), va="center", ha="right",
                        style="italic", fontsize=8,
                    )  # fmt: skip
        axes.axvline(0, color=draw.MODEL_COLOUR, linewidth=1.2)
        draw.legend(axes, [title for title, _key, _expected in RESIDUALS])
        svg = draw.svg_text(axes)
    return draw.Drawing(
        "residuals",
        "Model",
        "What the models leave unexplained",
        "Each run against what its model expects at the payload rate that was measured before it. The table below says "
        "where each model is valid.",
        svg,
        runs=residual_runs(found),
    )


def residual_values(cell: Cell, key: str, expected_key: str) -> list[float]:
    """Return by how many per cent each completed run of a cell lies above its model."""
    return [value for _record, value in _residuals(cell, key, expected_key)]


def _residuals(cell: Cell, key: str, expected_key: str) -> list[tuple[Record, float]]:
    """Return each completed run of a cell that its model speaks of, and by how many per cent it lies above that."""
    found = []
    for record in cell.completed:
        prediction, value = cell.prediction(record), record["summary"][key]
        if prediction is not None and prediction.converges and value is not None:
            found.append((record, 100 * (value / getattr(prediction, expected_key) - 1)))
    return found


def residual_runs(found: Sequence[Cell]) -> dict[str, list[str]]:
    """Return the ids of the runs behind the points of the residuals, by the id of the points' element."""
    return {
        draw.runs_id(row, index): [record["run_id"] for record, _value in _residuals(cell, key, expected)]
        for row, cell in enumerate(found)
        for index, (_title, key, expected) in enumerate(RESIDUALS)
    }


_OTHERS: Sequence[Callable[[Sequence[Cell], Sequence[str]], draw.Drawing | None]] = (
    decomposition,
    success,
    transport,
    brownout_curve,
    fault_latency,
    residuals,
)
