# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a campaign as SVG text: one row a cell, every valid run a point, median and range or interval."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import (
    RUNS_FOR_AN_INTERVAL,
    Cell,
    Record,
    Spread,
    spread,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import number

try:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
except ImportError:
    matplotlib = None  # type: ignore[assignment,unused-ignore]

# Colours of Okabe and Ito, which readers with any colour vision can tell apart; the page maps them to its own.
GROUND, INK, FAINT = "#ffffff", "#222222", "#b8b8b8"
SERIES_COLOURS = ("#0072b2", "#d55e00", "#009e73")
# How the points of each series look: in the legend, and as the cap of a line without length.
_MARKERS, _CAPS = ("o", "s", "o"), ("round", "projecting", "round")

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    # The same records give the same file.
    "svg.hashsalt": "stsm.live_migration",
    # A name with a dollar sign is a name, not a formula.
    "text.parse_math": False,
    "path.simplify": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
_WIDTH_INCHES, _ROW_INCHES, _SERIES_INCHES, _FRAME_INCHES = 5.6, 0.2, 0.12, 1.15

# Returns a run's value, or None if it has none.
Value = Callable[[Record], "float | None"]


@dataclass(frozen=True)
class Chart:
    """What one figure shows. series are its legends' words and values; a wide chart has a logarithmic axis."""

    name: str
    title: str
    axis: str
    series: Sequence[tuple[str, Value]]
    caption: str
    wide: bool = False


def of(key: str, scale: float = 1.0) -> Value:
    """Return the reader of one figure of the summary, in another unit."""

    def value(record: Record) -> float | None:
        found = record["summary"][key]
        return None if found is None else float(found) * scale

    return value


def link_use(record: Record) -> float | None:
    """Return which share of the link's measured payload rate the stream had, in per cent."""
    needed, took = record["summary"]["payload_time_ms"], record["summary"]["transfer_time_ms"]
    return None if needed is None or not took else 100.0 * needed / took


CHARTS = (
    Chart(
        "total_time",
        "Total migration time",
        "seconds",
        [("total", of("total_time_ms", 1e-3)), ("bytes sent at payload rate", of("payload_time_ms", 1e-3))],
        "From asking libvirt to its answer; beside it what the bytes sent take at the link's measured payload rate. "
        "What did not converge was given up at its time limit.",
    ),
    Chart(
        "downtime",
        "Downtime from three vantage points",
        "milliseconds, logarithmic",
        [
            ("events", of("downtime_events_ms")),
            ("guest", of("downtime_guest_ms")),
            ("network", of("downtime_network_ms")),
        ],
        "Events: from STOP on the source to RESUME on the destination. Guest: how far the observer's clock jumped "
        "against the guest's. Network: outage for an observer who asks every 5 ms.",
        wide=True,
    ),
    Chart(
        "brownout",
        "Brownout after the blackout",
        "milliseconds",
        [("brownout", of("brownout_ms"))],
        "How long the guest ran slower than before, after it ran again.",
    ),
    Chart(
        "missed_work",
        "Work missed in the brownout",
        "MiB",
        [("missed work", of("brownout_area_mib"))],
        "The area of the brownout: what the guest would have written at its former rate, less what it wrote.",
    ),
    Chart(
        "link_use",
        "Use of the link",
        "per cent of the payload rate",
        [("mean rate of the stream", link_use)],
        "Mean rate of the stream against the payload rate that was measured on this link.",
    ),
)


def missing() -> str | None:
    """Return the name of the package without which no figure can be drawn, if it is missing."""
    return "matplotlib" if matplotlib is None else None


def draw(chart: Chart, found: Sequence[Cell], names: Sequence[str]) -> str | None:
    """Return one chart of cells that have these names as SVG text; None if no run has a value for it.

    A run that did not move the guest has no such cost, so only completed valid runs are drawn.
    """
    rows = [[[*map(value, cell.completed)] for _legend, value in chart.series] for cell in found]
    known = [value for series in rows for values in series for value in values if value is not None]
    if not known:
        return None
    row_inches = _ROW_INCHES + _SERIES_INCHES * len(chart.series)
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH_INCHES, _FRAME_INCHES + row_inches * len(rows)), layout="constrained")
        figure.patch.set_facecolor(GROUND)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        for row, series in enumerate(rows):
            for index, values in enumerate(series):
                _row(axes, row, index, len(series), [value for value in values if value is not None])
        if chart.wide:
            axes.set_xscale("log" if min(known) > 0 else "symlog")
            axes.xaxis.set_major_formatter(lambda value, _position: number(value))
        else:
            axes.set_xlim(0, max(known) * 1.06 or 1)
        for row, cell in enumerate(found):
            if cell.unconverged and not cell.completed:
                axes.text(
                    0.02, row, "did not converge", transform=axes.get_yaxis_transform(), va="center", style="italic"
                )
        _dress(axes, chart, names)
        return _svg(figure)


def _row(axes: Any, row: int, index: int, count: int, values: Sequence[float]) -> None:
    """Draw the runs of one cell as points, and below them their median with its range or interval."""
    around = spread(values)
    if around is None:
        return
    colour, height = SERIES_COLOURS[index], 0.8 / count
    middle = row + (index - (count - 1) / 2) * height
    # Runs with the same value lie beside each other; where each lies says nothing.
    offsets = [((place * 7) % 5 - 2) * height / 14 - height / 6 for place in range(len(values))]
    # Thousands of points as one line with gaps: a browser takes seconds for as many elements.
    across = [place for value in values for place in (value, value, math.nan)]
    up = [place for offset in offsets for place in (middle + offset, middle + offset, math.nan)]
    (points,) = axes.plot(across, up, color=colour, linewidth=4, solid_capstyle=_CAPS[index], alpha=0.55)
    points.set_gid(f"runs-{row}-{index}")
    below = middle + height / 4
    if around.runs > 1:
        width = 2.4 if around.runs >= RUNS_FOR_AN_INTERVAL else 1.0
        axes.plot([around.low, around.high], [below, below], color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot([around.centre] * 2, [below - height / 7, below + height / 7], color=colour, linewidth=2)


def _dress(axes: Any, chart: Chart, names: Sequence[str]) -> None:
    """Name the rows and the axis, and tell the series apart."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(chart.axis)
    axes.grid(axis="x", color=FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if len(chart.series) > 1:
        for index, (legend, _value) in enumerate(chart.series):
            axes.scatter([], [], s=16, color=SERIES_COLOURS[index], marker=_MARKERS[index], label=legend)
        axes.figure.legend(loc="outside upper left", ncols=len(chart.series), frameon=False, handletextpad=0.2)


def _svg(figure: Any) -> str:
    """Return a figure as SVG text, without what the drawing program says of itself."""
    FigureCanvasSVG(figure)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(r"<!DOCTYPE.*?>\s*|<metadata>.*?</metadata>\s*", "", file.getvalue(), flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def around_in_words(around: Spread) -> str:
    """Return a spread as a table shows it: its median, and its range or interval if there is one."""
    centre, low, high = (number(value) for value in (around.centre, around.low, around.high))
    return centre if low == high else f"{centre} ({low} to {high})"
