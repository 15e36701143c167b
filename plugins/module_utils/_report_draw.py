# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all figures of a report share: one row a cell, colours that the page can change, SVG that repeats itself."""

from __future__ import annotations

import contextlib
import io
import math
import re
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Spread

try:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
except ImportError:
    matplotlib = None  # type: ignore[assignment,unused-ignore]

# Colours of Okabe and Ito, which readers with any colour vision can tell apart; the page maps them to its own.
GROUND, INK, FAINT = "#ffffff", "#222222", "#b8b8b8"
SERIES_COLOURS = ("#0072b2", "#d55e00", "#009e73")
MODEL_COLOUR = "#aa4499"
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
_WIDTH_INCHES, _FRAME_INCHES = 5.6, 1.15
# What a line of a row's name takes, so that names never lie on each other.
_LINE_INCHES = 0.16


@dataclass(frozen=True)
class Drawing:
    """One figure: the name of its file, the group of figures it belongs to, and what a reader is told of it.

    Of many cells it shows those from first on, one a row. runs has the id of each point's run, by the id of the points'
    element in the SVG; a point is one "M" of its path.
    """

    name: str
    group: str
    title: str
    caption: str
    svg: str
    first: int = 0
    runs: Mapping[str, Sequence[str]] = field(default_factory=dict)


def missing() -> str | None:
    """Return the name of the package without which no figure can be drawn, if it is missing."""
    return "matplotlib" if matplotlib is None else None


@contextlib.contextmanager
def canvas(names: Sequence[str], row_inches: float, axis: str) -> Iterator[Any]:
    """Give the axes of a figure with one row for each name, from the top down, above a value axis with a title."""
    lines = max((name.count("\n") + 1 for name in names), default=1)
    row_inches = max(row_inches, _LINE_INCHES * lines)
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH_INCHES, _FRAME_INCHES + row_inches * len(names)), layout="constrained")
        figure.patch.set_facecolor(GROUND)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(axis)
        axes.grid(axis="x", color=FAINT, linewidth=0.4)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        yield axes


@contextlib.contextmanager
def in_row(axes: Any, row: int) -> Iterator[None]:
    """Give all that is drawn meanwhile, and the row's name, an id by which the page finds what belongs to the row."""
    before = {id(artist) for artist in axes.get_children()}
    yield
    drawn = [artist for artist in axes.get_children() if id(artist) not in before]
    for place, artist in enumerate([axes.get_yticklabels()[row], *drawn]):
        artist.set_gid(artist.get_gid() or f"row-{row}-{place}")


def legend(axes: Any, titles: Sequence[str], model: str | None = None) -> None:
    """Tell the series of a figure apart, above it, and the models' marks from them."""
    for index, title in enumerate(titles):
        axes.scatter([], [], s=16, color=SERIES_COLOURS[index], marker=_MARKERS[index], label=title)
    if model:
        axes.scatter([], [], s=26, facecolor="none", edgecolor=MODEL_COLOUR, marker="D", label=model)
    axes.figure.legend(
        loc="outside upper left", ncols=len(titles) + bool(model), frameon=False, handletextpad=0.2, columnspacing=1.2
    )


def runs_id(row: int, index: int) -> str:
    """Return the id of the element that holds the points of one of a row's series."""
    return f"row-{row}-runs-{index}"


def points(axes: Any, row: int, index: int, count: int, values: Sequence[float], around: Spread | None) -> None:
    """Draw the runs of one of a row's series as points, and below them their median with its range or interval."""
    if around is None:
        return
    colour, height = SERIES_COLOURS[index], 0.8 / count
    middle = row + (index - (count - 1) / 2) * height
    # Runs with the same value lie beside each other; where each lies says nothing.
    offsets = [((place * 7) % 5 - 2) * height / 14 - height / 6 for place in range(len(values))]
    # Thousands of points as one line with gaps: a browser takes seconds for as many elements.
    across = [place for value in values for place in (value, value, math.nan)]
    up = [place for offset in offsets for place in (middle + offset, middle + offset, math.nan)]
    (drawn,) = axes.plot(across, up, color=colour, linewidth=4, solid_capstyle=_CAPS[index], alpha=0.55)
    drawn.set_gid(runs_id(row, index))
    centre(axes, around, middle + height / 4, height, colour)


def centre(axes: Any, around: Spread, at: float, height: float, colour: str) -> None:
    """Draw a median as an upright stroke, and its range as a thin line or its interval as a thick one."""
    if around.runs > 1:
        width = 2.4 if around.is_interval else 1.0
        axes.plot([around.low, around.high], [at, at], color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot([around.centre] * 2, [at - height / 7, at + height / 7], color=colour, linewidth=2)


def model_mark(axes: Any, row: int, index: int, count: int, value: float, holds: bool) -> None:
    """Draw what a model expects of one of a row's series as a diamond, filled where the model holds."""
    middle = row + (index - (count - 1) / 2) * 0.8 / count
    (drawn,) = axes.plot(
        [value],
        [middle],
        marker="D",
        markersize=5,
        markeredgewidth=1.1,
        markeredgecolor=MODEL_COLOUR,
        markerfacecolor=MODEL_COLOUR if holds else "none",
        linestyle="none",
    )
    drawn.set_gid(f"row-{row}-model-{index}")


def remark(axes: Any, row: int, words: str) -> None:
    """Write something into a row that has nothing to draw."""
    axes.text(0.02, row, words, transform=axes.get_yaxis_transform(), va="center", style="italic")


def svg_text(axes: Any) -> str:
    """Return a figure as SVG text, without what the drawing program says of itself."""
    FigureCanvasSVG(axes.figure)
    file = io.StringIO()
    axes.figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(r"<!DOCTYPE.*?>\s*|<metadata>.*?</metadata>\s*", "", file.getvalue(), flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
