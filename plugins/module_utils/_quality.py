# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a post-copy was to its guest: how long page faults took, and how its speed came back."""

from __future__ import annotations

from itertools import zip_longest
from statistics import median
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._brownout import curve
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Observation

PREEMPT = "postcopy-preempt"


def quality(observation: Observation) -> dict[str, Any]:
    """Return what is kept of a run's raw series: "faults" by bucket, "curve" of the speed, and "preempt"."""
    in_force = observation["migration"].get("qemu") or {}
    capabilities = in_force.get("capabilities")
    return {
        "faults": list(observation["destination_statistics"].get("postcopy-latency-dist") or ()),
        "curve": curve(observation),
        "preempt": None if capabilities is None else PREEMPT in capabilities,
    }


def kept(record: Record) -> Mapping[str, Any]:
    """Return what is kept of a record; one from elsewhere may have nothing."""
    found: Mapping[str, Any] = record.get("quality") or {}
    return found


def faults(cell: Cell) -> list[int]:
    """Return how many page faults of all runs that count fell into each bucket; empty without any."""
    counts = [kept(record).get("faults") or () for record in cell.completed]
    found = [sum(bucket) for bucket in zip_longest(*counts, fillvalue=0)]
    return found if any(found) else []


def speeds(cell: Cell) -> list[tuple[float, float, float]]:
    """Return the median, lowest and highest speed in per cent over each step after the blackout, of all runs."""
    curves: Sequence[Sequence[int]] = [kept(record).get("curve") or () for record in cell.completed]
    columns = zip(*(one for one in curves if one))
    return [(float(median(column)), float(min(column)), float(max(column))) for column in columns]


def preempts(cell: Cell) -> bool | None:
    """Return whether pages that the guest waited for had a channel of their own; None if runs differ or do not tell."""
    told = {kept(record).get("preempt") for record in cell.completed}
    return told.pop() if len(told) == 1 else None
