# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a campaign as a table to read (one line a cell) and as a table to compute with (one line a run)."""

from __future__ import annotations

import csv
import io
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, Spread, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import number
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB, Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS

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


def text_table(records: Sequence[Record]) -> list[str]:
    """Return the lines of a table: a heading, a rule, one line for each cell, its medians."""
    rows = table_rows(cells(records), _centre)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def table_rows(found: Sequence[Cell], tell: Callable[[Spread], str]) -> list[list[str]]:
    """Return the heading's entries and those of each cell; tell says what is written of a figure."""
    labelled = any(cell.label for cell in found)
    heading = ["x link", "strategy", *(["differs in"] if labelled else []), "valid", "outcome"]
    return [heading + [title for title, _key, _scale in _FIGURES], *(_row(cell, labelled, tell) for cell in found)]


def csv_text(records: Sequence[Record]) -> str:
    """Return one line for each run, valid or not, after a line of names that carry the units; nothing without runs."""
    rows = [_columns(record) for record in records]
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    if rows:
        writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(cell: Cell, labelled: bool, tell: Callable[[Spread], str]) -> list[str]:
    """Return one line of the table to read; a cell that never completed shows what its runs sent."""
    share = cell.scenario.dirty_rate_of_link
    outcomes = {record["outcome"]: 0 for record in cell.records}
    for record in cell.records:
        outcomes[record["outcome"]] += 1
    shown = cell.completed or cell.unconverged
    return [
        "-" if share is None else number(share),
        cell.scenario.strategy.name,
        *([cell.label] if labelled else []),
        f"{len(cell.valid)}/{len(cell.records)}",
        ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()),
        *(_figure(cell.figure(key, shown), scale, tell) for _title, key, scale in _FIGURES),
    ]


def _figure(found: Spread | None, scale: float, tell: Callable[[Spread], str]) -> str:
    """Return what is told of a spread in the table's unit."""
    return "-" if found is None else tell(found.scaled(scale))


def _centre(found: Spread) -> str:
    """Return the centre of a spread; the range would make the line wider than a screen."""
    return number(found.centre)


def _columns(record: Record) -> dict[str, Any]:
    """Return one run as the columns of the CSV."""
    scenario = Scenario.from_dict(record["scenario"])
    workload = record["scenario"]["workload"] or {}
    return {
        "run_id": record["run_id"],
        "campaign": record["campaign"],
        "started_at": record["started_at"],
        "strategy": scenario.strategy.name,
        "dirty_rate_of_link": scenario.dirty_rate_of_link,
        "dirty_rate_mib_per_second": workload.get("dirty_rate_mib_per_second"),
        "working_set_mib": workload.get("working_set_mib"),
        "pattern": workload.get("pattern"),
        "link_rate_mbit_per_second": scenario.link.rate_mbit_per_second,
        "link_payload_mbit_per_second": scenario.link.payload_mbit_per_second,
        "repetition": scenario.repetition,
        "source": record["hosts"]["source"]["name"],
        "destination": record["hosts"]["destination"]["name"],
        "outcome": record["outcome"],
        "valid": str(record["valid"]).lower(),
        "cell_key": record["cell_key"],
        **{key: record["summary"][key] for key in SUMMARY_FIELDS},
    }
