# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a campaign as a table to read (one line a cell) and as a table to compute with (one line a run)."""

from __future__ import annotations

import csv
import io
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, Spread, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerator_of
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB, Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# Heading, key of the summary, scale.
_FIGURES = (
    ("total s", "total_time_ms", 1e-3),
    ("events ms", "downtime_events_ms", 1.0),
    ("guest ms", "downtime_guest_ms", 1.0),
    ("network ms", "downtime_network_ms", 1.0),
    ("brownout ms", "brownout_ms", 1.0),
    ("missed MiB", "brownout_area_mib", 1.0),
    ("sent MiB", "transferred_bytes", 1 / BYTES_PER_MIB),
    ("requests", "postcopy_requests", 1.0),
)


# Where several guests move at once, a figure is that of one guest; all have moved after:
_OF_SEVERAL = (("all s", "group_time_ms", 1e-3),)


def text_table(records: Sequence[Record]) -> list[str]:
    """Return the lines of a table: a heading, a rule, one line for each cell, its medians."""
    rows = table_rows(cells(records), _centre)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def table_rows(found: Sequence[Cell], tell: Callable[[Spread], str]) -> list[list[str]]:
    """Return the heading's entries and those of each cell; tell says what is written of a figure."""
    several = any(cell.scenario.guests > 1 for cell in found)
    figures = [*(_OF_SEVERAL if several else ()), *_FIGURES]
    heading = [*identity_heading(found), "valid", "outcome", "moved %", *(title for title, _key, _scale in figures)]
    return [heading, *([*identity(cell, found), *_row(cell, figures, tell)] for cell in found)]


def identity_heading(found: Sequence[Cell]) -> list[str]:
    """Return the headings of what tells a cell from others."""
    return ["x link", "strategy", *(["differs in"] if any(cell.label for cell in found) else [])]


def identity(cell: Cell, found: Sequence[Cell]) -> list[str]:
    """Return what tells a cell from the others that were found."""
    share = cell.scenario.dirty_rate_of_link
    label = [cell.label] if any(other.label for other in found) else []
    return ["-" if share is None else number(share), cell.scenario.strategy.name, *label]


def csv_text(records: Sequence[Record]) -> str:
    """Return one line for each run, valid or not, after a line of names that carry the units; nothing without runs."""
    rows = [{**row, "valid": str(row["valid"]).lower()} for row in map(columns, records)]
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    if rows:
        writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(cell: Cell, figures: Sequence[tuple[str, str, float]], tell: Callable[[Spread], str]) -> list[str]:
    """Return what came of one cell; one that never completed shows what its runs sent."""
    outcomes = {record["outcome"]: 0 for record in cell.records}
    for record in cell.records:
        outcomes[record["outcome"]] += 1
    shown = cell.completed or cell.unconverged
    return [
        f"{len(cell.valid)}/{len(cell.records)}",
        ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()),
        _moved(cell, tell),
        *(_figure(cell.figure(key, shown), scale, tell) for _title, key, scale in figures),
    ]


def _moved(cell: Cell, tell: Callable[[Spread], str]) -> str:
    """Return how likely the guest moves, in per cent, with the interval of that if there is one."""
    seen = cell.success
    if seen is None:
        return "-"
    low, high = (seen.share if bound is None else bound for bound in (seen.low, seen.high))
    return tell(Spread(seen.share, low, high, seen.runs, seen.low is not None).scaled(100))


def _figure(found: Spread | None, scale: float, tell: Callable[[Spread], str]) -> str:
    """Return what is told of a spread in the table's unit."""
    return "-" if found is None else tell(found.scaled(scale))


def _centre(found: Spread) -> str:
    """Return the centre of a spread; the range would make the line wider than a screen."""
    return number(found.centre)


def columns(record: Record) -> dict[str, Any]:
    """Return one run as the columns of a table to compute with."""
    scenario = Scenario.from_dict(record["scenario"])
    workload = record["scenario"]["workload"] or {}
    share = scenario.dirty_rate_of_link
    return {
        "run_id": record["run_id"],
        "campaign": record["campaign"],
        "started_at": record["started_at"],
        "strategy": scenario.strategy.name,
        # A quotient, of which more digits than a setting has would be those of the arithmetic.
        "dirty_rate_of_link": None if share is None else round(share, 6),
        "dirty_rate_mib_per_second": workload.get("dirty_rate_mib_per_second"),
        "working_set_mib": workload.get("working_set_mib"),
        "pattern": workload.get("pattern"),
        "link_rate_mbit_per_second": scenario.link.rate_mbit_per_second,
        "link_payload_mbit_per_second": scenario.link.payload_mbit_per_second,
        "background_cpu_percent": scenario.background.cpu_percent,
        "background_link_mbit_per_second": scenario.background.link_mbit_per_second,
        "accelerator": str(accelerator_of(record)),
        "memory_scale": scenario.replica.memory_scale if scenario.replica else 1,
        "rate_scale": scenario.replica.rate_scale if scenario.replica else 1,
        "guests": scenario.guests,
        "migrations_at_once": scenario.streams,
        "guest_number": record["guest_number"],
        "repetition": scenario.repetition,
        "source": record["hosts"]["source"]["name"],
        "destination": record["hosts"]["destination"]["name"],
        "outcome": record["outcome"],
        "valid": record["valid"],
        "cell_key": record["cell_key"],
        **{key: record["summary"].get(key) for key in SUMMARY_FIELDS},
    }
