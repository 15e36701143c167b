# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign found, in sentences. Every word of them is computed from the records."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._comparisons import BLACKOUT, TOTAL, sentence
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._levels import pairs
from ansible_collections.stsm.live_migration.plugins.module_utils._levels import sentence as _level_sentence
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerators, in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB, Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import RUNS_FOR_AN_INTERVAL, missing
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._words import enumeration, number, quantity


def load(scenario: Scenario) -> str:
    """Return the guest's load in words, such as "at 1.6 times the link (191 MiB/s)"."""
    if isinstance(scenario.guest, SiteGuest) or scenario.workload is None:
        return f"with the site's own guest {scenario.guest.name}"
    if scenario.workload.pattern == "idle":
        return "with an idle guest"
    verb = "reading " if scenario.workload.pattern == "read-only" else ""
    share, rate = scenario.dirty_rate_of_link or 0.0, scenario.workload.dirty_rate_mib_per_second
    return f"{verb}at {number(share)} times the link ({number(rate)} MiB/s)"


def sentences(records: Sequence[Record]) -> list[str]:
    """Return what was found: at each load who moved the guest and at what cost, and at the end what was left out."""
    if not records:
        return ["There are no runs yet."]
    found = cells(records)
    told = [_basis(records, found), *nesting_warnings(records)]
    for where, group in loads(found):
        told += _who_arrived(where, group)
        told += [_cost(where, cell) for cell in group if cell.valid]
        told += _compared(where, group)
    return told + _levels(found) + _left_out(found)


def headlines(records: Sequence[Record]) -> list[str]:
    """Return what a hurried reader takes along: what the figures rest on, who moved the guest, who stopped it longest.

    They are among the sentences.
    """
    if not records:
        return sentences(records)
    found = cells(records)
    told = [_basis(records, found)]
    for where, group in loads(found):
        told += _who_arrived(where, group) + _compared(where, group)
    return told + _levels(found)


def nesting_warnings(records: Sequence[Record]) -> list[str]:
    """Return what a reader must know of the times of guests whose hosts are virtual machines."""
    return [one.warning for one in accelerators(records) if one.warning]


def loads(found: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    """Return the cells of each load together, with the load as the begin of a sentence."""
    return [(where, list(alike)) for where, alike in groupby(found, key=_where)]


def _where(cell: Cell) -> str:
    """Return a cell's load and label as the begin of a sentence."""
    return _begin(load(cell.scenario) + (f" ({cell.label})" if cell.label else ""))


def _begin(words: str) -> str:
    """Return words as a sentence begins with them."""
    return words[0].upper() + words[1:]


def _basis(records: Sequence[Record], found: Sequence[Cell]) -> str:
    """Return what the figures rest on."""
    valid = sum(len(cell.valid) for cell in found)
    most = max((len(cell.valid) for cell in found), default=0)
    around = "the range" if most < RUNS_FOR_AN_INTERVAL else "the range below six runs, the 95 % interval from six on"
    if missing():
        around = f"the range (an interval needs {missing()}, which is not installed)"
    stacks = " and ".join(sorted({cell.stack for cell in found}))
    ran_on = in_words(accelerators(records))
    guests = f", guests on {ran_on}" if ran_on else ""
    return (
        f"{valid} of {len(records)} runs are valid, on {stacks}{guests}; figures are medians of a cell's valid runs,"
        f" with {around} in parentheses."
    )


def _who_arrived(where: str, group: Sequence[Cell]) -> list[str]:
    """Return which strategies moved the guest at one load; nothing if only one was tried."""
    arrived = [cell.scenario.strategy.name for cell in group if cell.completed and not cell.unconverged]
    stayed = [cell.scenario.strategy.name for cell in group if cell.unconverged and not cell.completed]
    mixed = [cell.scenario.strategy.name for cell in group if cell.unconverged and cell.completed]
    if len(arrived) + len(stayed) + len(mixed) < 2:
        return []
    parts = []
    if stayed:
        parts.append(f"{enumeration(stayed)} did not converge")
    if mixed:
        parts.append(f"{enumeration(mixed)} did not always converge")
    if arrived:
        parts.append(
            f"but {enumeration(arrived)} did" if parts else f"{enumeration(arrived)} moved the guest in every run"
        )
    return [f"{where}, {', '.join(parts)}."]


def _cost(where: str, cell: Cell) -> str:
    """Return what one strategy cost at one load."""
    name = cell.scenario.strategy.name
    if cell.ruined and not cell.completed:
        outcome, reason = cell.ruined[0]["outcome"], cell.ruined[0]["reason"]
        return f"{where}, {name} ended as {outcome} in {len(cell.ruined)} of {len(cell.valid)} runs: {reason}"
    if not cell.completed:
        return f"{where}, {name} was given up {_times(cell)} {_unconverged(cell)}."
    words = f"{where}, {name} completed {_times(cell)}"
    total = cell.figure("total_time_ms")
    words += f" in {quantity(total, 's', 1e-3)}" if total else ""
    parts = [part for part in (tell(cell) for tell in _COSTS) if part]
    if cell.ruined:
        parts.append(f"{len(cell.ruined)} more ended as {cell.ruined[0]['outcome']}")
    if cell.unconverged:
        parts.append(f"{len(cell.unconverged)} more did not converge")
    return f"{words}: {', '.join(parts)}." if parts else f"{words}."


def _times(cell: Cell) -> str:
    """Return in how many of its valid runs a strategy did what is told of it."""
    done = len(cell.completed) or len(cell.unconverged)
    words = f"in {done} of {len(cell.valid)} runs"
    success = cell.success
    if success is None or success.is_certain or success.low is None or success.high is None:
        return words
    return f"{words} (probability {success.low:.0%} to {success.high:.0%})"


def _unconverged(cell: Cell) -> str:
    """Return how far the runs got that did not converge."""
    words = f"at its time limit of {number(cell.scenario.time_limit_seconds)} s"
    sent = cell.figure("transferred_bytes", cell.unconverged)
    passes = cell.figure("iterations", cell.unconverged)
    if sent:
        words += f", after sending {quantity(sent, 'MiB', 1 / BYTES_PER_MIB)}"
    if passes:
        words += f" in {quantity(passes, 'passes')}"
    return words + ", and the guest stayed on the source"


def _blackout(cell: Cell) -> str:
    """Return how long the guest stood still, by the vantage points that saw it."""
    events, network, qemu = (
        cell.figure(key) for key in ("downtime_events_ms", "downtime_network_ms", "downtime_qemu_ms")
    )
    if events is None:
        return ""
    words = f"the guest stood still for {quantity(events, 'ms')}"
    if network:
        words += f" and was out of reach for {quantity(network, 'ms')}"
    if qemu and STRATEGIES[cell.scenario.strategy.name].uses_postcopy:
        words += f" (QEMU itself reports {quantity(qemu, 'ms')})"
    return words


def _brownout(cell: Cell) -> str:
    """Return how long and how much the guest was slowed afterwards."""
    length, area = cell.figure("brownout_ms"), cell.figure("brownout_area_mib")
    if length is None or area is None:
        return ""
    if not length.high:
        return "it was not slowed afterwards"
    open_ended = any(record["summary"]["brownout_ended"] is False for record in cell.completed)
    at_least = "at least " if open_ended else ""
    return f"it was slowed for {at_least}{quantity(length, 'ms')} more and missed {quantity(area, 'MiB')} of its work"


def _sent(cell: Cell) -> str:
    """Return the bytes sent, and how near to the link's payload rate they went."""
    sent, transfer, payload = (cell.figure(key) for key in ("transferred_bytes", "transfer_time_ms", "payload_time_ms"))
    if sent is None:
        return ""
    words = f"{quantity(sent, 'MiB', 1 / BYTES_PER_MIB)} were sent"
    if transfer and payload and transfer.centre:
        words += f" at {payload.centre / transfer.centre:.1%} of the link's payload rate"
    return words


def _disk(cell: Cell) -> str:
    """Return how long disks were copied before the memory's turn came; their bytes would count holes as well."""
    length = cell.figure("disk_copy_time_ms")
    return f"before that its disk was copied in {quantity(length, 's', 1e-3)}" if length else ""


def _requests(cell: Cell) -> str:
    """Return how many pages were fetched in post-copy, and how fast where QEMU tells."""
    requests, latency = cell.figure("postcopy_requests"), cell.figure("postcopy_latency_mean_us")
    if not requests or not STRATEGIES[cell.scenario.strategy.name].uses_postcopy:
        return ""
    words = f"{quantity(requests, 'pages')} were fetched on request"
    return words + (f" in {quantity(latency, 'us')} each" if latency else "")


_COSTS: Sequence[Callable[[Cell], str]] = (_blackout, _brownout, _sent, _disk, _requests)


def _compared(where: str, group: Sequence[Cell]) -> list[str]:
    """Return how the strategies compare at one load."""
    return sentence(where, group, BLACKOUT) + sentence(where, group, TOTAL)


def _levels(found: Sequence[Cell]) -> list[str]:
    """Return what each level adds to each strategy that was also made at the one below."""
    told = (_level_sentence(_begin(load(other.scenario)), one, other) for one, other in pairs(found))
    return [words for words in told if words]


def _left_out(found: Sequence[Cell]) -> list[str]:
    """Return one sentence for all runs of a cell that the same validator refused, with what it said of the first."""
    told = []
    for cell in found:
        refused: dict[str, list[tuple[Record, str]]] = {}
        for record in cell.records:
            failed: list[dict[str, Any]] = [entry for entry in record["validators"] if entry["passed"] is False]
            if failed:
                refused.setdefault(failed[0]["name"], []).append((record, failed[0]["sentence"]))
        for validator, runs in refused.items():
            first, sentence_of_first = runs[0]
            told.append(
                ("Not counted is " if len(runs) == 1 else f"Not counted are {len(runs)} runs of ")
                + f"{cell.scenario.strategy.name} {load(cell.scenario)}, "
                + ("" if len(runs) == 1 else "the first being ")
                + f"repetition {first['scenario']['repetition']}, by {validator}: {sentence_of_first}"
            )
    return told
