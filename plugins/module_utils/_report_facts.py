# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report says beside its figures: on what hosts, how the instrument was calibrated, what is left out."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, flat
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import nesting_warnings
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import Accelerator, accelerators, in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import MEASURED, guest_fault
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# Names of cells stand beside the rows of figures.
_NAME_WIDTH, _NAME_LINES = 24, 3

_SECTION = re.compile(r"\b(guest|workload|link|strategy|background)\.")

_VANTAGE_POINTS = ("events", "guest", "network")

# What is told of a run before it is opened.
_RUN_FIGURES = (
    ("total", "total_time_ms", "ms"),
    ("blackout", "downtime_events_ms", "ms"),
    ("brownout", "brownout_ms", "ms"),
    ("missed", "brownout_area_mib", "MiB"),
)


def cell_name(cell: Cell) -> str:
    """Return a short name of a cell, on a few short lines."""
    share = cell.scenario.dirty_rate_of_link
    words = cell.scenario.strategy.name + ("" if share is None else f" {number(share)}x")
    # There is no room for the sections that settings belong to.
    words += f" ({_SECTION.sub('', cell.label)})" if cell.label else ""
    return "\n".join(textwrap.wrap(words, _NAME_WIDTH, max_lines=_NAME_LINES, placeholder=" ..."))


def notices(records: Sequence[Record]) -> list[str]:
    """Return what a reader must know before believing a figure, in sentences."""
    told = nesting_warnings(records)
    if Accelerator("tcg") in accelerators(records):
        told.append(
            "The guest's processor was emulated (accelerator tcg), so absolute times are those of an emulation and not"
            " of hardware virtualisation."
        )
    conceded = sorted({word for record in records for host in record["hosts"].values() for word in host["concessions"]})
    if conceded:
        told.append(f"Concessions were in force on the hosts: {', '.join(conceded)}.")
    told += _from_source(records)
    told += _company(records)
    damaged = sum(guest_fault(record) is not None for record in records)
    if damaged:
        told.append(f"In {damaged} of {len(records)} runs the migration damaged the guest: listed below.")
    kept = [record for record in records if record["valid"]]
    if len(kept) < len(records):
        told.append(f"{len(records) - len(kept)} of {len(records)} runs are not valid: listed below, and in no figure.")
    return told


def _from_source(records: Sequence[Record]) -> list[str]:
    """Say which of the programs were built for these hosts, and with which patches; old records do not tell."""
    built = sorted(
        {
            f"{component} {build['version']} ({', '.join([build['digest'][:8], *build['patches']])})"
            for record in records
            for host in record["hosts"].values()
            for component, build in host.get("builds", {}).items()
        }
    )
    return [f"Built from source were {', '.join(built)}."] if built else []


def _company(records: Sequence[Record]) -> list[str]:
    """Return what the guests had to share the hosts and the link with, if it was anything."""
    scenarios = [record["scenario"] for record in records]
    guests = sorted({int(scenario.get("guests") or 1) for scenario in scenarios})
    loads = {
        (float(load["cpu_percent"]), float(load["link_mbit_per_second"]))
        for load in (scenario.get("background") or {} for scenario in scenarios)
        if load
    }
    told = []
    if any("migrations_at_once" in scenario for scenario in scenarios):
        told.append("Where it is said, fewer migrations than guests were under way at a time; the others had to wait.")
    if guests and guests[-1] > 1:
        told.append(
            f"Guests moved {' or '.join(map(str, guests))} at once; each is a point, but guests of one moment count as"
            " one run, with their median, in medians, intervals and comparisons."
        )
    if any(cpu or link for cpu, link in loads):
        words = [f"{cpu:g} % of the processors and {link:g} Mbit/s of the link" for cpu, link in sorted(loads)]
        told.append(f"Other load beside the migrations took {', or '.join(words)}.")
    return told


def left_out(found: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return the runs that no cost rests on, by cell and by how they ended: invalid, failed, or not converged.

    Each has "cell" (its place), "name", "outcome", "valid", "runs" (each an id, a name and its reasons), and "reasons"
    that all share.
    """
    told = []
    for place, cell in enumerate(found):
        alike: dict[tuple[str, bool], list[tuple[str, str, list[str]]]] = {}
        for record in cell.records:
            if record["valid"] and record["outcome"] in MEASURED and record["outcome"] != "not_converged":
                continue
            failed = [
                f"{entry['name']}: {entry['sentence']}" for entry in record["validators"] if entry["passed"] is False
            ]
            run = (record["run_id"], run_name(record).partition(", repetition ")[2], failed or [record["reason"]])
            alike.setdefault((record["outcome"], record["valid"]), []).append(run)
        for (outcome, valid), runs in alike.items():
            shared = runs[0][2] if all(reasons == runs[0][2] for _id, _name, reasons in runs) else []
            told.append(
                {
                    "cell": place,
                    "name": cell_name(cell).replace("\n", " "),
                    "outcome": outcome.replace("_", " "),
                    "valid": valid,
                    "runs": runs,
                    "reasons": shared,
                }
            )
    return told


def calibration_table(records: Sequence[Record]) -> list[list[str]]:
    """Return a heading and one row for each pause that the vantage points were shown, for each calibration.

    Nothing without a calibration.
    """
    seen: dict[str, Any] = {}
    for record in records:
        seen.setdefault(json.dumps(record["calibration"], sort_keys=True), record["calibration"])
    rows = [_calibration_row(point) for calibration in seen.values() for point in calibration]
    return [["asked", "truth", "events", "guest", "network", "agree"], *rows] if rows else []


def _calibration_row(point: Mapping[str, Any]) -> list[str]:
    """Return what each vantage point saw of one known pause."""
    within = point.get("within") or {}
    low, high = point["truth_ms"]
    wrong = [name for name in _VANTAGE_POINTS if not within.get(name)]
    return [
        number(point["pause_ms"]),
        f"{number(low)} to {number(high)}",
        *(_seen(point.get(name)) for name in _VANTAGE_POINTS),
        "yes" if not wrong else f"not {', '.join(wrong)}",
    ]


def run_name(record: Record) -> str:
    """Return a run in words: strategy, load, repetition, and which of several guests."""
    scenario = record["scenario"]
    workload = scenario["workload"] or {}
    rate = workload.get("dirty_rate_mib_per_second")
    words = scenario["strategy"]["name"] + ("" if rate is None else f", {number(rate)} MiB/s")
    guests = scenario.get("guests") or 1
    return f"{words}, repetition {scenario['repetition']}" + (
        f", guest {record['guest_number']} of {guests}" if guests > 1 else ""
    )


def run_facts(record: Record) -> dict[str, Any]:
    """Return what is told of one run beside its timeline."""
    summary, scenario = record["summary"], record["scenario"]
    told = [f"{word} {number(summary[key])} {unit}" for word, key, unit in _RUN_FIGURES if summary[key] is not None]
    return {
        "id": record["run_id"],
        "name": run_name(record),
        "kind": record["outcome"],
        "outcome": record["outcome"].replace("_", " "),
        "valid": record["valid"],
        "started": record["started_at"],
        "way": f"{record['hosts']['source']['name']} to {record['hosts']['destination']['name']}",
        "figures": ", ".join(told),
        "payload": scenario["link"]["payload_mbit_per_second"] or "",
        "asked": (scenario["workload"] or {}).get("dirty_rate_mib_per_second") or "",
    }


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
    if "guest.accelerator" in values:
        values["guest.accelerator"] = {in_words(accelerators(records)): None}
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
