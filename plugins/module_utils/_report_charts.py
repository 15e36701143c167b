# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The charts of a report as data, and how one is drawn: every run a point, median, range or interval, and the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw as draw
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, independent, spread
from ansible_collections.stsm.live_migration.plugins.module_utils._models import Prediction
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

_ROW_INCHES, _SERIES_INCHES = 0.2, 0.12

# The value of a run in a chart's unit, or None if it has none; likewise what a model expects.
Value = Callable[[Record], Optional[float]]
Expected = Callable[[Prediction], Optional[float]]


@dataclass(frozen=True)
class Series:
    """One kind of point. A run that did not move the guest has no cost, so it counts only where stayed is set."""

    title: str
    value: Value
    expected: Expected | None = None
    stayed: bool = False

    def records(self, cell: Cell) -> list[Record]:
        """Return the runs of a cell that count."""
        return cell.unconverged if self.stayed else cell.completed

    def values(self, cell: Cell) -> list[float]:
        """Return the values of a cell's runs that have one."""
        return [value for value in map(self.value, self.records(cell)) if value is not None]

    def runs(self, cell: Cell) -> list[str]:
        """Return the ids of the runs that the values are those of."""
        return [record["run_id"] for record in self.records(cell) if self.value(record) is not None]


@dataclass(frozen=True)
class Chart:
    """What one figure shows. A wide one has a logarithmic axis; at its limit stands an upright line."""

    name: str
    group: str
    title: str
    axis: str
    series: Sequence[Series]
    caption: str
    wide: bool = False
    limit: float | None = None


def of(key: str, scale: float = 1.0) -> Value:
    """Return the reader of one figure of the summary, in another unit."""

    def value(record: Record) -> float | None:
        found = record["summary"][key]
        return None if found is None else float(found) * scale

    return value


def link_use(record: Record) -> float | None:
    """Return which share of the link's measured payload rate the stream had, in per cent.

    A stream that the time limit ended ran from the preparation to the end.
    """
    summary = record["summary"]
    needed, took = summary["payload_time_ms"], summary["transfer_time_ms"]
    if took is None and record["outcome"] == "not_converged" and summary["preparation_time_ms"] is not None:
        took = summary["total_time_ms"] - summary["preparation_time_ms"]
    return None if needed is None or not took else 100.0 * needed / took


def _all_lost_ms(record: Record) -> float | None:
    """Return the blackout, and the downtime that the brownout was worth."""
    summary = record["summary"]
    blackout, brownout = summary["downtime_events_ms"], summary["brownout_equivalent_ms"]
    return None if blackout is None or brownout is None else float(blackout + brownout)


def _scaled(key: str, scale: float = 1.0) -> Expected:
    """Return the reader of one figure of a prediction, in another unit."""

    def expected(prediction: Prediction) -> float | None:
        found = getattr(prediction, key)
        return None if found is None else float(found) * scale

    return expected


CHARTS = (
    Chart(
        "total_time",
        "Time and bytes",
        "Total migration time",
        "seconds",
        [
            Series("total", of("total_time_ms", 1e-3), _scaled("total_time_ms", 1e-3)),
            Series("bytes sent at payload rate", of("payload_time_ms", 1e-3)),
        ],
        "From asking libvirt to its answer. What did not converge was given up at its time limit.",
    ),
    Chart(
        "bytes",
        "Time and bytes",
        "Bytes sent",
        "MiB",
        [
            Series(
                "sent",
                of("transferred_bytes", 1 / BYTES_PER_MIB),
                _scaled("transferred_bytes", 1 / BYTES_PER_MIB),
            )
        ],
        "What QEMU sent until the guest had moved, pages that had to go again included.",
    ),
    Chart(
        "link_use",
        "Time and bytes",
        "Use of the link",
        "per cent of the payload rate",
        [
            Series("moved the guest", link_use),
            Series("did not converge", link_use, stayed=True),
        ],
        "Mean rate of the stream against the payload rate that was measured on this link, which is the upright line. "
        "Of a run that did not converge, the rate until it was given up.",
        limit=100.0,
    ),
    Chart(
        "downtime",
        "Downtime",
        "Downtime from three vantage points",
        "milliseconds, logarithmic",
        [
            Series("events", of("downtime_events_ms"), _scaled("downtime_ms")),
            Series("guest", of("downtime_guest_ms")),
            Series("network", of("downtime_network_ms")),
        ],
        "Events: from STOP on the source to RESUME on the destination. Guest: how far the observer's clock jumped "
        "against the guest's. Network: outage for an observer who asks every 5 ms.",
        wide=True,
    ),
    Chart(
        "brownout",
        "Brownout",
        "Brownout after the blackout",
        "milliseconds",
        [
            Series("50 % of the speed", of("half_speed_ms")),
            Series("90 % (brownout)", of("brownout_ms")),
            Series("99 %", of("full_speed_ms")),
        ],
        "How long after the guest ran again until it was back for good at 50, 90 and 99 % of its former speed.",
    ),
    Chart(
        "equivalent_downtime",
        "Brownout",
        "Equivalent downtime",
        "milliseconds, logarithmic",
        [
            Series("of the brownout", of("brownout_equivalent_ms")),
            Series("with the blackout", _all_lost_ms),
        ],
        "The downtime that would have cost the guest as much work as its brownout did, and as all of it did together.",
        wide=True,
    ),
    Chart(
        "missed_work",
        "Brownout",
        "Work missed in the brownout",
        "MiB",
        [Series("missed work", of("brownout_area_mib"))],
        "The area of the brownout: what the guest would have written at its former rate, less what it wrote.",
    ),
)


def chart_svg(chart: Chart, found: Sequence[Cell], names: Sequence[str]) -> str | None:
    """Return one chart of cells that have these names as SVG text; None if no run has a value for it."""
    series = _shown(chart, found)
    if not series:
        return None
    known = [value for one in series for cell in found for value in one.values(cell)]
    modelled = False
    with draw.canvas(names, _ROW_INCHES + _SERIES_INCHES * len(series), chart.axis) as axes:
        for row, cell in enumerate(found):
            with draw.in_row(axes, row):
                expected = _row(axes, row, cell, series)
            known += expected
            modelled = modelled or bool(expected)
        if chart.limit is not None:
            axes.axvline(chart.limit, color=draw.INK, linewidth=1, linestyle=(0, (4, 3)))
        if chart.wide:
            axes.set_xscale("log" if min(known) > 0 else "symlog")
            axes.xaxis.set_major_formatter(lambda value, _position: number(value))
        else:
            axes.set_xlim(0, max([*known, chart.limit or 0.0]) * 1.06 or 1)
        if len(series) > 1 or modelled:
            draw.legend(axes, [one.title for one in series], "model" if modelled else None)
        return draw.svg_text(axes)


def chart_runs(chart: Chart, found: Sequence[Cell]) -> dict[str, list[str]]:
    """Return the ids of the runs behind the points of a chart of cells, by the id of the points' element."""
    series = list(enumerate(_shown(chart, found)))
    return {draw.runs_id(row, index): one.runs(cell) for row, cell in enumerate(found) for index, one in series}


def _shown(chart: Chart, found: Sequence[Cell]) -> list[Series]:
    """Return the series of which any cell has a value."""
    return [one for one in chart.series if any(one.values(cell) for cell in found)]


def _row(axes: Any, row: int, cell: Cell, series: Sequence[Series]) -> list[float]:
    """Draw one cell, and return the values that its model expects."""
    prediction, drawn = cell.prediction(), []
    for index, one in enumerate(series):
        around = spread(independent(one.records(cell), one.value))
        draw.points(axes, row, index, len(series), one.values(cell), around)
        expected = one.expected(prediction) if one.expected and prediction and prediction.converges else None
        if expected is not None and prediction is not None:
            draw.model_mark(axes, row, index, len(series), expected, prediction.holds)
            drawn.append(expected)
    if not any(one.values(cell) for one in series) and cell.unconverged:
        draw.remark(axes, row, did_not_converge(prediction))
    return drawn


def did_not_converge(prediction: Prediction | None) -> str:
    """Return what is said of a cell whose guest never moved, and whether the models expected that."""
    if prediction is None:
        return "did not converge"
    return "did not converge, as modelled" if not prediction.converges else "did not converge, unlike the model"
