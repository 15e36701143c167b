# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page: it holds all it needs, asks no network for anything, and executes no text of a record."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import (
    RUNS_FOR_AN_INTERVAL,
    Cell,
    Record,
    cells,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import headlines, number, sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import (
    calibration_rows,
    cell_name,
    hosts,
    left_out,
    notices,
    settings,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import (
    CHARTS,
    FAINT,
    GROUND,
    INK,
    SERIES_COLOURS,
    Chart,
    around_in_words,
    draw,
    missing,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_script import SCRIPT
from ansible_collections.stsm.live_migration.plugins.module_utils._report_style import STYLE
from ansible_collections.stsm.live_migration.plugins.module_utils._report_template import TEMPLATE
from ansible_collections.stsm.live_migration.plugins.module_utils._table import table_rows

try:
    import jinja2
    from markupsafe import Markup
except ImportError:
    jinja2 = None  # type: ignore[assignment,unused-ignore]

# What the colours of a figure become in the page, whose style has them for light and for dark.
_COLOURS = {GROUND: "none", INK: "var(--ink)", FAINT: "var(--faint)"}
_COLOURS.update({colour: f"var(--series-{place})" for place, colour in enumerate(SERIES_COLOURS, 1)})


def missing_packages() -> list[str]:
    """Return the Python packages that are missing: without one the report lacks its figures, without one its page."""
    return [name for name in (missing(), None if jinja2 else "Jinja2") if name]


def figures(records: Sequence[Record]) -> dict[str, str]:
    """Return the figures that can be drawn, as SVG text by name; none without the drawing package."""
    if missing():
        return {}
    found = cells(records)
    names = [cell_name(cell) for cell in found]
    drawn = {chart.name: draw(chart, found, names) for chart in CHARTS}
    return {name: svg for name, svg in drawn.items() if svg is not None}


def page(records: Sequence[Record], drawn: Mapping[str, str]) -> str | None:
    """Return the page as text; None without the template package. The records have a "timeline" in place of "raw"."""
    if "Jinja2" in missing_packages():
        return None
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    found = cells(records)
    heading, *rows = table_rows(found, around_in_words)
    days = sorted(record["started_at"] for record in records)
    return environment.from_string(TEMPLATE).render(
        campaign=", ".join(sorted({record["campaign"] for record in records})) or "without runs",
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        period=(days[0], days[-1]) if days else None,
        runs_count=len(records),
        valid_count=sum(record["valid"] for record in records),
        stacks=sorted({cell.stack for cell in found}),
        notices=notices(records),
        headlines=headlines(records),
        sentences=sentences(records),
        heading=heading,
        rows=rows,
        spread_words=_around(found),
        figures=[(chart, _inline(chart, drawn[chart.name])) for chart in CHARTS if chart.name in drawn],
        calibration=calibration_rows(records),
        left_out=[{**entry, "name": run_name(entry["run"])} for entry in left_out(records)],
        runs=[_run(record) for record in records],
        hosts=hosts(records),
        settings=settings(records),
    )


def run_name(record: Record) -> str:
    """Return a run in words: strategy, load, repetition."""
    scenario = record["scenario"]
    workload = scenario["workload"]
    rate = f", {number(workload['dirty_rate_mib_per_second'])} MiB/s" if workload else ""
    return f"{scenario['strategy']['name']}{rate}, repetition {scenario['repetition']}"


def _around(found: Sequence[Cell]) -> str:
    """Return what stands in parentheses behind a median."""
    most = max((len(cell.valid) for cell in found), default=0)
    return (
        "the range of the runs (a 95 % interval needs six runs)"
        if most < RUNS_FOR_AN_INTERVAL
        else "the 95 % interval of the median, or below six runs their range"
    )


def _run(record: Record) -> dict[str, Any]:
    """Return what the page says of one run."""
    summary, scenario = record["summary"], record["scenario"]
    figures_shown = (
        ("total", "total_time_ms", "ms"),
        ("blackout", "downtime_events_ms", "ms"),
        ("brownout", "brownout_ms", "ms"),
        ("missed", "brownout_area_mib", "MiB"),
    )
    return {
        "id": record["run_id"],
        "name": run_name(record),
        "outcome": record["outcome"].replace("_", " "),
        "valid": record["valid"],
        "started": record["started_at"],
        "way": f"{record['hosts']['source']['name']} to {record['hosts']['destination']['name']}",
        "figures": ", ".join(f"{w} {number(summary[k])} {u}" for w, k, u in figures_shown if summary[k] is not None),
        "payload": scenario["link"]["payload_mbit_per_second"] or "",
        "asked": (scenario["workload"] or {}).get("dirty_rate_mib_per_second") or "",
        # The data lie in a script element, which only "</" could end.
        "timeline": Markup(record["timeline"].replace("<", "\\u003c")),
    }


def _inline(chart: Chart, svg: str) -> Any:
    """Return a figure's SVG as a part of the page: with names of its own, in the page's colours, told to a reader."""
    text = svg[svg.index("<svg") :].replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'( id="| href="#|url\(#)', rf"\1{chart.name}-", text)
    text = re.sub(r'<svg width="\S+" height="\S+"', f'<svg role="img" aria-label="{chart.title}"', text, count=1)
    for colour, in_page in _COLOURS.items():
        text = text.replace(colour, in_page)
    return Markup(text)
