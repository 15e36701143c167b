# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small campaign of records, as the demonstration makes it."""

from __future__ import annotations

import itertools
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._record import build
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    not_converged,
    observation,
)

_GROUPS = itertools.count(1)
STRATEGIES = ("pre-copy", "hybrid", "post-copy", "stop-and-copy")


def record(
    strategy: str = "hybrid", dirty_rate_of_link: float = 0.25, repetition: int = 1, **changes: Any
) -> dict[str, Any]:
    """Return the record of a good run; changes go into its summary."""
    seen = observation(strategy, dirty_rate_of_link, repetition=repetition)
    if strategy == "pre-copy" and dirty_rate_of_link > 1:
        seen = not_converged(strategy, dirty_rate_of_link)
        seen["scenario"]["repetition"] = repetition
    built = build(seen, "first", 1, f"group-{next(_GROUPS)}")
    built["summary"].update(changes)
    return built


def damage(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record as it would be had the migration damaged the guest."""
    told = {"name": "memory_verified", "passed": False, "sentence": "Page 17 is wrong."}
    others = [entry for entry in record["validators"] if entry["name"] != "memory_verified"]
    return {**record, "valid": False, "validators": [*others, told]}


def campaign() -> list[dict[str, Any]]:
    """Return two runs of each strategy at 0.25 and at 1.6 times the link."""
    return [
        record(strategy, rate, repetition, total_time_ms=4_200 + 100 * repetition)
        for rate in (0.25, 1.6)
        for strategy in STRATEGIES
        for repetition in (1, 2)
    ]
