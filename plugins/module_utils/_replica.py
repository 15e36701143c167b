# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaled replicas: an experiment on less memory or a slower link, at the same dimensionless point.

Dirty rate over link rate, working set over memory and what the downtime limit lets pass over memory stay as they were.
What does not scale stays too: preparing the destination, resuming, the guest's own kernel. So a replica is never taken
for the experiment at its real size: its scales are part of its scenario, and its cells, names and verdicts tell them.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section

_KEYS = ("memory_scale", "rate_scale")

# What of a scenario is memory, what is a rate, and what is a time that goes with both.
# Disks are made smaller with the memory.
_MEMORY = (
    ("guest", "memory_mib"),
    ("workload", "working_set_mib"),
    ("guest", "disk_gib"),
    ("guest", "allocated_disk_mib"),
    ("guest", "freed_disk_mib"),
)
_RATES = (
    ("link", "rate_mbit_per_second"),
    ("workload", "dirty_rate_mib_per_second"),
    ("strategy", "bandwidth_limit_mib_per_second"),
    ("background", "link_mbit_per_second"),
)
_TIMES = (("strategy", "downtime_limit_ms"),)
# What does not scale, such as preparing the destination, has its place in any time limit.
_LEAST_TIME_LIMIT_SECONDS = 15.0


@dataclass(frozen=True)
class Replica:
    """What was made smaller: the guest's memory and all rates, as shares of those of the experiment."""

    memory_scale: float = 1.0
    rate_scale: float = 1.0

    @property
    def time_scale(self) -> float:
        """How much shorter the transfer is: memory over rate."""
        return self.memory_scale / self.rate_scale

    def time_limit_seconds(self, real_seconds: float) -> float:
        """Return the limit after which a run is given up at the same dimensionless point as at the real size."""
        return max(real_seconds * self.time_scale, min(real_seconds, _LEAST_TIME_LIMIT_SECONDS))

    @property
    def words(self) -> str:
        """What a reader must know of the replica."""
        parts = [
            f"{what} x {scale:g}"
            for what, scale in (("memory", self.memory_scale), ("rates", self.rate_scale))
            if scale != 1
        ]
        return f"scaled replica ({', '.join(parts)})"

    def to_dict(self) -> dict[str, float]:
        """Return the replica as read takes it."""
        return asdict(self)


def read(top: Section) -> Replica | None:
    """Return of what a scenario or a site's settings are a replica; None for the real size."""
    if not top.has("replica"):
        return None
    section = Section("replica", top.get("replica"), _KEYS)
    replica = Replica(
        section.number("memory_scale", 1.0, above=0, at_most=1), section.number("rate_scale", 1.0, above=0, at_most=1)
    )
    return None if replica == Replica() else replica


def scaled(mapping: Mapping[str, Any], replica: Replica) -> dict[str, Any]:
    """Return what a campaign asks of a scenario, made smaller; what it leaves open or wrote wrongly stays as it is."""
    found = deepcopy(dict(mapping))
    for paths, scale in ((_MEMORY, replica.memory_scale), (_RATES, replica.rate_scale), (_TIMES, replica.time_scale)):
        for section, key in paths:
            part = found.get(section)
            value = part.get(key) if isinstance(part, dict) else None
            if isinstance(part, dict) and isinstance(value, (int, float)) and not isinstance(value, bool):
                # Whole numbers stay so, as the fields that take them demand.
                part[key] = max(1, round(value * scale)) if isinstance(value, int) else value * scale
    return found
