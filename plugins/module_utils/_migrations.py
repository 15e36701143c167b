# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings records of older schema versions to today's, one step a version. A step adds what the newer one knows more."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._brownout import brownout
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import observation_of
from ansible_collections.stsm.live_migration.plugins.module_utils._old_measures import old_measures
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import cell_key
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SCHEMA_VERSION
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import paused_ms, postcopy

Step = Callable[[Mapping[str, Any]], "dict[str, Any]"]


def migrated(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a record in today's schema; None if there is no way from its version to today's, or it is not whole."""
    found = dict(record)
    try:
        while found.get("schema_version") != SCHEMA_VERSION:
            found = STEPS[found["schema_version"]](found)
    except (KeyError, TypeError, InstrumentError):
        return None
    return found


def _to_version_2(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2 knows several guests, load beside the migration, and copied disks; version 1 had one guest and none."""
    scenario = Scenario.from_dict(
        {**record["scenario"], "guests": 1, "background": {"cpu_percent": 0.0, "link_mbit_per_second": 0.0}}
    )
    raw, summary = record["raw"], record["summary"]
    group = {
        "guest": record["scenario"]["guest"].get("name") or record["scenario"]["guest"]["domain"],
        "start_ns": raw["migration"]["start_ns"],
        "end_ns": raw["migration"]["end_ns"],
        "transferred_bytes": summary["transferred_bytes"],
        "disk_bytes": None,
    }
    return {
        **record,
        "schema_version": 2,
        "group_id": record["run_id"],
        "guest_number": 1,
        "scenario": scenario.to_dict(),
        "scenario_hash": scenario.hash,
        "cell_key": cell_key(scenario.hash, record["builds"]),
        "summary": {
            **summary,
            "group_time_ms": summary["total_time_ms"],
            "disk_bytes": None,
            "disk_copy_time_ms": None,
        },
        "raw": {**raw, "stages": {}, "group": group, "background": None},
    }


def _to_version_3(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 3 knows for how long a broken stream stood still, and what the libvirt daemons used."""
    new = {
        "postcopy_paused_ms": paused_ms(observation_of(record)),
        "daemon_cpu_seconds_source": None,
        "daemon_cpu_seconds_destination": None,
    }
    return {**record, "schema_version": 3, "summary": {**record["summary"], **new}}


def _to_version_4(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 4 knows when the guest was back at half and at all of its speed, and how slow page faults are."""
    seen = observation_of(record)
    new = {**brownout(seen), **postcopy(seen)}
    return {**record, "schema_version": 4, "summary": {**new, **record["summary"]}}


def _to_version_5(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 5 knows what the instruments of 2014 would have told of the same run."""
    new = old_measures(observation_of(record))
    return {**record, "schema_version": 5, "summary": {**new, **record["summary"]}}


# From each version the step to the next.
STEPS: dict[Any, Step] = {1: _to_version_2, 2: _to_version_3, 3: _to_version_4, 4: _to_version_5}
