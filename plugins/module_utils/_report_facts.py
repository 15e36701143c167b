# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report says beside its figures: on what hosts, how the instrument was calibrated, what is left out."""

from __future__ import annotations

import json
import textwrap
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, flat
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import number
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import MEASURED

# Names of cells stand beside the rows of figures.
_NAME_WIDTH, _NAME_LINES = 24, 3


def cell_name(cell: Cell) -> str:
    """Return a short name of a cell, on a few short lines."""
    share = cell.scenario.dirty_rate_of_link
    words = cell.scenario.strategy.name + ("" if share is None else f" {number(share)}x")
    words += f" ({cell.label})" if cell.label else ""
    return "\n".join(textwrap.wrap(words, _NAME_WIDTH, max_lines=_NAME_LINES, placeholder=" ..."))


def notices(records: Sequence[Record]) -> list[str]:
    """Return what a reader must know before believing a figure, in sentences."""
    told = []
    accelerators = sorted({str(record["scenario"]["guest"].get("accelerator") or "unknown") for record in records})
    if "tcg" in accelerators:
        told.append(
            "The guest's processor was emulated (accelerator tcg), so absolute times are those of an emulation and not"
            " of hardware virtualisation."
        )
    conceded = sorted({word for record in records for host in record["hosts"].values() for word in host["concessions"]})
    if conceded:
        told.append(f"Concessions were in force on the hosts: {', '.join(conceded)}.")
    kept = [record for record in records if record["valid"]]
    if len(kept) < len(records):
        told.append(f"{len(records) - len(kept)} of {len(records)} runs are not valid: listed below, and in no figure.")
    return told


def left_out(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the runs that no cost rests on, each with its reasons: invalid, failed, or not converged."""
    told = []
    for record in records:
        failed = [f"{entry['name']}: {entry['sentence']}" for entry in record["validators"] if entry["passed"] is False]
        if not record["valid"] or record["outcome"] not in MEASURED or record["outcome"] == "not_converged":
            told.append({"run": record, "reasons": [record["reason"], *failed]})
    return told


def calibration_rows(records: Sequence[Record]) -> list[list[str]]:
    """Return one row for each pause that the vantage points were shown, for each calibration of the campaign."""
    seen: dict[str, Any] = {}
    for record in records:
        seen.setdefault(json.dumps(record["calibration"], sort_keys=True), record["calibration"])
    rows = []
    for point in (point for calibration in seen.values() for point in calibration):
        within = point.get("within") or {}
        low, high = point["truth_ms"]
        row = [number(point["pause_ms"]), f"{number(low)} to {number(high)}"]
        row += [_seen(point.get(name)) for name in ("events", "guest", "network")]
        wrong = [name for name in ("events", "guest", "network") if not within.get(name)]
        rows.append([*row, "yes" if not wrong else f"not {', '.join(wrong)}"])
    return rows


def hosts(records: Sequence[Record]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each distinct state of a host with its facts as pairs, and in which role it was seen."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for ends in {id(record["hosts"]): record["hosts"] for record in records}.values():
        for facts in ends.values():
            found.setdefault(json.dumps(facts, sort_keys=True), (str(facts["name"]), _pairs(facts)))
    return sorted(found.values())


def settings(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return each setting of the scenarios with the values it had in the campaign."""
    values: dict[str, dict[str, None]] = {}
    for record in records:
        for key, value in flat(record["scenario"]).items():
            if value is not None:
                values.setdefault(key, {})[_text(value)] = None
    return [(key, ", ".join(_ordered(found))) for key, found in values.items()]


def _ordered(found: Mapping[str, None]) -> list[str]:
    """Return values in the order of their size, or as they came."""
    try:
        return sorted(found, key=float)
    except ValueError:
        return list(found)


def _seen(downtime: Mapping[str, float] | None) -> str:
    """Return a downtime with its uncertainty as a table shows it."""
    return "-" if downtime is None else f"{number(downtime['value_ms'])} ± {number(downtime['uncertainty_ms'])}"


def _pairs(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return facts as pairs of text, without what could not be had."""
    return [(key, _text(value)) for key, value in flat(facts).items() if value not in (None, "", [])]


def _text(value: Any) -> str:
    """Return a fact as people write it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
