# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page: it holds all it needs, asks no network for anything, and executes no text of a record."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import (
    _compared_sites,
    _report_advice,
    _report_draw,
    _report_filter,
    _report_quality_tables,
    _statistics,
    _verdict_page,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._compared_sites import Comparison
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import headlines, sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerators, in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings, campaign_of
from ansible_collections.stsm.live_migration.plugins.module_utils._report_draw import (
    FAINT,
    GROUND,
    INK,
    MODEL_COLOUR,
    SERIES_COLOURS,
    Drawing,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import (
    calibration_table,
    cell_name,
    hosts,
    left_out,
    notices,
    run_facts,
    settings,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import MOST_ROWS
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import figures as drawings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_script import SCRIPT
from ansible_collections.stsm.live_migration.plugins.module_utils._report_style import STYLE
from ansible_collections.stsm.live_migration.plugins.module_utils._report_tables import (
    around_in_words,
    effect_tables,
    model_table,
    old_measures_table,
    vantage_table,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_template import (
    TEMPLATE,
    VERDICTS_PLACE,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._table import table_rows
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import Verdict

try:
    import jinja2
    from markupsafe import Markup
except ImportError:
    jinja2 = None  # type: ignore[assignment,unused-ignore]

# What the colours of a figure become in the page, whose style has them for light and for dark.
_COLOURS = {GROUND: "none", INK: "var(--ink)", FAINT: "var(--faint)", MODEL_COLOUR: "var(--model)"}
_COLOURS.update({colour: f"var(--series-{place})" for place, colour in enumerate(SERIES_COLOURS, 1)})

# Up to so many runs lie open before a reader; more lie in the drawers of their cells.
_MOST_OPEN = 48

# What a report lacks without a package.
LACKS = {"matplotlib": "its figures", "scipy": "its intervals and effect sizes", "Jinja2": "its page"}


def missing_packages() -> list[str]:
    """Return the Python packages that are missing, each of which LACKS explains."""
    return [name for name in (_report_draw.missing(), _statistics.missing(), None if jinja2 else "Jinja2") if name]


def figures(records: Sequence[Record]) -> list[Drawing]:
    """Return the figures that can be drawn; none without the drawing package."""
    found = cells(records)
    return drawings(found, [cell_name(cell) for cell in found])


def page(
    records: Sequence[Record],
    drawn: Sequence[Drawing],
    around: Surroundings | None = None,
    verdicts: Sequence[Verdict] = (),
    comparison: Comparison | None = None,
) -> str | None:
    """Return the page as text; None without the template package. The records have a "timeline" in place of "raw"."""
    if "Jinja2" in missing_packages():
        return None
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    found = cells(records)
    around = around or Surroundings()
    days = sorted(record["started_at"] for record in records)
    model, quality = model_table(found), _report_quality_tables.quality_table(found)
    expected = _report_advice.forecasts(found)
    known_axes = _report_filter.axes(found)
    return environment.from_string(TEMPLATE.replace(VERDICTS_PLACE, _verdict_page.TEMPLATE)).render(
        campaign=campaign_of(records),
        style=Markup(STYLE),
        script=Markup(SCRIPT + _report_filter.SCRIPT),
        axes=known_axes,
        axes_json=Markup(_report_filter.axes_json(known_axes)),
        outcomes=sorted({record["outcome"] for record in records}),
        places=list(range(len(found))),
        completed_places=[place for place, cell in enumerate(found) if cell.completed],
        modelled_places=[place for place, cell in enumerate(found) if cell.valid and cell.prediction() is not None],
        period=(days[0], days[-1]) if days else None,
        runs_count=len(records),
        valid_count=sum(record["valid"] for record in records),
        stacks=sorted({cell.stack for cell in found}),
        ran_on=in_words(accelerators(records)),
        contents=_contents(
            drawn, bool(quality), bool(model), bool(expected), around, bool(verdicts), comparison is not None
        ),
        verdicts_summary=_verdict_page.summary(verdicts) if verdicts else "",
        verdicts=_verdict_page.entries(verdicts),
        notices=notices(records),
        headlines=headlines(records),
        sentences=sentences(records),
        rows=[[entry.replace("_", " ") for entry in row] for row in table_rows(found, around_in_words)],
        spread_words=_spread_words(found),
        effects=effect_tables(found),
        groups=_groups(drawn, len(found)),
        vantage=vantage_table(found),
        old_measures=old_measures_table(found),
        calibration=calibration_table(records),
        quality=quality,
        quality_places=_report_quality_tables.quality_places(found),
        preempt=_report_quality_tables.preempt_sentences(found),
        model=model,
        forecast=_report_advice.forecast_table(expected),
        forecast_places=[place for place, cell in enumerate(found) if any(cell is one for one, _told in expected)],
        advice=_report_advice.advice_sentences(expected),
        comparison=comparison and _compared_sites.sentences(comparison),
        compared_cells=comparison and _compared_sites.table(comparison),
        drift=comparison and _compared_sites.drift_table(comparison),
        left_out=left_out(found),
        run_groups=[(_line(cell), [_run(record) for record in cell.records]) for cell in found],
        most_open=_MOST_OPEN,
        around=around,
        hosts=hosts(records),
        settings=settings(records),
    )


def _contents(
    drawn: Sequence[Drawing],
    slowed: bool,
    modelled: bool,
    forecast: bool,
    around: Surroundings,
    judged: bool,
    compared: bool,
) -> list[tuple[str, str]]:
    """Return the page's sections, as anchors and titles."""
    return [
        *([("verdicts", "Verdicts")] if judged else []),
        ("findings", "Findings"),
        ("cells", "Cells"),
        *([("figures", "Figures")] if drawn else []),
        ("vantage", "Vantage points"),
        *([("quality", "The guest")] if slowed else []),
        *([("model", "Models")] if modelled else []),
        *([("advice", "Advice")] if forecast else []),
        *([("other-site", "Other site")] if compared else []),
        ("left-out", "Left out"),
        ("runs", "Runs"),
        *([("campaign", "Campaign")] if around.asked or around.sessions else []),
        ("provenance", "Provenance"),
    ]


def _groups(drawn: Sequence[Drawing], cells_count: int) -> list[tuple[dict[str, str], list[dict[str, Any]]]]:
    """Return the figures as the page holds them, by the group that they belong to."""
    return [
        (
            {"title": title, "anchor": "figures-" + re.sub(r"\W+", "-", title.lower())},
            [_figure(drawing, cells_count) for drawing in alike],
        )
        for title, alike in groupby(drawn, key=lambda drawing: drawing.group)
    ]


def _figure(drawing: Drawing, cells_count: int) -> dict[str, Any]:
    """Return one figure as the page holds it; of several of a kind all but the first are drawn later."""
    return {
        "title": drawing.title,
        "caption": drawing.caption,
        "svg": _inline(drawing),
        "first": drawing.first,
        "rows": min(MOST_ROWS, cells_count - drawing.first),
        "later": drawing.first > 0,
        "runs": Markup(_report_filter.runs_json(drawing)),
    }


def _line(cell: Cell) -> str:
    """Return a cell's name on one line."""
    return cell_name(cell).replace("\n", " ")


def _spread_words(found: Sequence[Cell]) -> str:
    """Return what stands in parentheses behind a median."""
    if _statistics.missing():
        return f"the range of the runs (an interval needs {_statistics.missing()}, which is not installed)"
    most = max((len(cell.valid) for cell in found), default=0)
    return (
        "the range of the runs (a 95 % interval needs six runs)"
        if most < _statistics.RUNS_FOR_AN_INTERVAL
        else "the 95 % interval of the median, or below six runs their range"
    )


def _run(record: Record) -> dict[str, Any]:
    """Return what the page says of one run."""
    # The data lie in a script element, which only "</" could end.
    return {**run_facts(record), "timeline": Markup(record["timeline"].replace("<", "\\u003c"))}


def _inline(drawing: Drawing) -> Any:
    """Return a figure's SVG as a part of the page: with names of its own, in the page's colours, told to a reader."""
    svg = drawing.svg
    text = svg[svg.index("<svg") :].replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'( id="| href="#|url\(#)', rf"\1{drawing.name}-", text)
    text = re.sub(r'<svg width="\S+" height="\S+"', f'<svg role="img" aria-label="{drawing.title}"', text, count=1)
    for colour, in_page in _COLOURS.items():
        text = text.replace(colour, in_page)
    return Markup(text)
