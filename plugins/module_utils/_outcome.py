# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a migration ended, as one word and one sentence. Whether the run counts is another question: see _validators."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    Observation,
    status_times_ns,
    succeeded,
)

OUTCOMES = ("completed", "not_converged", "aborted", "recovered", "failed", "lost")

# A run that ended so is a measurement; the others only say that none was made.
MEASURED = ("completed", "not_converged", "recovered")

# A run that ended so moved the guest.
MOVED = ("completed", "recovered")

# What becomes of a guest one of whose QEMUs is killed.
FATES = ("failed", "lost")
# Validators that find a guest damaged.
_OF_THE_GUEST = ("memory_verified", "disk_verified")


def decide(observation: Observation) -> tuple[str, str]:
    """Return the outcome and the reason for it."""
    migration, location = observation["migration"], observation["guest_location"]
    guest = observation["group"]["guest"]
    if location == "none":
        return "lost", f"The guest {guest} runs on neither host{_because(migration['error'])}."
    if location == "both":
        return "lost", f"The guest {guest} runs on both hosts, so its memory can no longer be trusted."
    if succeeded(observation):
        if any(status.startswith("postcopy-recover") for status in status_times_ns(observation)):
            return "recovered", "The stream broke in post-copy and was resumed; the guest runs on the destination."
        return "completed", "The guest runs on the destination."
    because = _because(migration["error"])
    if location == "destination":
        return "failed", f"The guest runs on the destination, but its migration ended with an error{because}."
    seconds = (migration["end_ns"] - migration["start_ns"]) / 1e9
    if migration["abort_reason"] == "time-limit":
        limit = f"{observation['scenario']['time_limit_seconds']:g} s"
        return (
            "not_converged",
            f"The migration had not ended at its time limit of {limit}; the guest runs on the source.",
        )
    if migration["abort_reason"] == "interrupted":
        return "aborted", f"The migration was interrupted after {seconds:.1f} s; the guest runs on the source."
    return "failed", f"The migration failed after {seconds:.1f} s and the guest runs on the source{because}."


def guest_fault(record: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a guest's memory or disk, None if nothing is; it is worth nothing any more then."""
    faults = (v["sentence"] for v in record["validators"] if v["name"] in _OF_THE_GUEST and v["passed"] is False)
    return next(faults, None)


def _because(error: str | None) -> str:
    """Return libvirt's own words for an error, if it had any."""
    return f" ({error.strip().rstrip('.')})" if error else ""
