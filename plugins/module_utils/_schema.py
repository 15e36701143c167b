# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run record's JSON schema, as data. A change that old readers would misread raises SCHEMA_VERSION."""

from __future__ import annotations

from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import OUTCOMES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

SCHEMA_VERSION = 5

# Each figure of a run with its meaning, in the order of the CSV's columns. All may be null: not every run has each.
SUMMARY_FIELDS: dict[str, str] = {
    "total_time_ms": "from asking libvirt for the migration to its answer",
    "preparation_time_ms": "from asking to the first byte: the destination's QEMU is started, memory is set up",
    "setup_time_ms": "the setup time that QEMU reports",
    "group_time_ms": "from the first start to the last end of all guests that moved at once",
    "transfer_time_ms": "from the first byte to the end of the stream",
    "payload_time_ms": "what the bytes sent take at the link's measured payload rate",
    "mean_rate_mbit_per_second": "bytes sent over the transfer time",
    "transferred_bytes": "bytes that QEMU sent",
    "normal_bytes": "bytes of whole pages among them",
    "nic_bytes_source": "bytes that the source's migration interface sent meanwhile",
    "nic_bytes_destination": "bytes that the destination's migration interface received meanwhile",
    "iterations": "passes over the guest's memory",
    "disk_bytes": "bytes of disks that were copied with the guest, as QEMU counts them",
    "disk_copy_time_ms": "how long they were copied before the memory's turn came",
    "downtime_events_ms": "blackout: from STOP on the source to RESUME on the destination",
    "downtime_events_uncertainty_ms": "half-width of its interval",
    "downtime_guest_ms": "blackout: jump of the observer's clock against the guest's",
    "downtime_guest_uncertainty_ms": "half-width of its interval",
    "downtime_network_ms": "outage that an observer on the tenant network saw around the blackout",
    "downtime_network_uncertainty_ms": "half-width of its interval",
    "downtime_qemu_ms": "the downtime that QEMU reports; in post-copy far below the blackout",
    "downtime_guest_beyond_events_ms": "guest less events: the guest stood still, unseen by the VMM",
    "downtime_network_beyond_guest_ms": "network less guest: until the network found the guest",
    "network_noise_floor_ms": "longest silence of the probe in the quiet window before the migration",
    "network_outages": "silences longer than that from the start of the migration on",
    "probes_lost": "probes without an answer in them",
    "probes_late": "probes answered after them",
    "log_time_ms": "as ICCLab took it: from nova-compute's first line on the migration to its last",
    "downtime_ping_100_low_ms": "the least that a ping every 100 ms, ICCLab's later measure, would have told",
    "downtime_ping_100_high_ms": "the most, by the moment at which the ping began",
    "downtime_ping_200_low_ms": "the least of a ping every 200 ms, ICCLab's first measure",
    "downtime_ping_200_high_ms": "the most of it",
    "brownout_ms": "how long after the blackout the workload ran slower than before",
    "brownout_area_mib": "work missing in the brownout",
    "brownout_equivalent_ms": "the downtime that would have cost as much work",
    "brownout_ended": "whether the workload was back before the run's window ended",
    "half_speed_ms": "how long after the blackout until the workload ran at half of its former speed for good",
    "full_speed_ms": "how long after the blackout until it ran at 99 % of it for good",
    "achieved_dirty_rate_mib_per_second": "dirty rate in the warm-up",
    "guest_longest_touch_ms": "longest page write of the run's window, in the guest's clock",
    "postcopy_requests": "pages that the destination requested",
    "postcopy_faults": "page faults in the destination's latency histogram",
    "postcopy_latency_mean_us": "their mean latency as QEMU counts it: of faults at once it counts the last only",
    "postcopy_latency_50_below_us": "latency that half of the page faults are below",
    "postcopy_latency_99_below_us": "latency that 99 % of the page faults are below",
    "postcopy_blocktime_ms": "how long all of the guest's processors stood still for pages",
    "postcopy_paused_ms": "how long the stream stood broken after the switch, until it was resumed",
    "cpu_seconds_source": "CPU time of the source's QEMU while the migration ran",
    "cpu_seconds_destination": "CPU time of the destination's QEMU while the migration ran",
    "daemon_cpu_seconds_source": "CPU time of the source's libvirt daemon meanwhile",
    "daemon_cpu_seconds_destination": "CPU time of the destination's libvirt daemon meanwhile",
}

_TEXT = {"type": "string", "minLength": 1}
_OBJECT = {"type": "object"}
_ROWS = {"type": "array", "items": _OBJECT}
_AMOUNT = {"type": "number", "minimum": 0}
_SCALE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has exactly these keys."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that also lets null pass."""
    return {**schema, "type": [schema["type"], "null"]}


def _ends(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with one such value for each end."""
    return closed({"source": schema, "destination": schema})


_HOST = {
    "type": "object",
    "required": [
        "name",
        "kernel",
        "qemu_version",
        "libvirt_version",
        "qemu_build_id",
        "libvirt_build_id",
        "concessions",
    ],
    "properties": {
        "name": _TEXT,
        "kernel": _TEXT,
        "concessions": {"type": "array", "items": _TEXT},
        # Missing in records that were written before hosts told.
        "virtualization": _TEXT,
        "container": _TEXT,
    },
}

_CLOCK = closed({"offset_ns": {"type": "integer"}, "bound_ns": {"type": "integer"}, "drift_ns": {"type": "integer"}})

_SCENARIO = {
    "type": "object",
    "required": [
        "guest",
        "guests",
        "background",
        "workload",
        "link",
        "strategy",
        "driver",
        "repetition",
        "time_limit_seconds",
        "warm_up_seconds",
    ],
    "additionalProperties": False,
    "properties": {
        "guest": _OBJECT,
        "guests": {"type": "integer", "minimum": 1},
        # Only where fewer than all of them move at a time.
        "migrations_at_once": {"type": "integer", "minimum": 1},
        "background": closed({"cpu_percent": _AMOUNT, "link_mbit_per_second": _AMOUNT}),
        "workload": nullable(_OBJECT),
        "link": {"type": "object", "required": ["rate_mbit_per_second", "mtu", "payload_mbit_per_second"]},
        "strategy": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"enum": list(STRATEGIES)}},
        },
        "driver": _TEXT,
        "repetition": {"type": "integer", "minimum": 1},
        "time_limit_seconds": {"type": "number", "exclusiveMinimum": 0},
        "warm_up_seconds": {"type": "number", "exclusiveMinimum": 0},
        "fault": {"type": "object", "required": ["kind", "at"]},
        # Only a scaled replica has it.
        "replica": closed({"memory_scale": _SCALE, "rate_scale": _SCALE}),
    },
}

_RAW = closed(
    {
        "stages": {"type": "object", "additionalProperties": _AMOUNT},
        "group": closed(
            {
                "guest": _TEXT,
                "start_ns": {"type": "integer"},
                "end_ns": {"type": "integer"},
                "transferred_bytes": {"type": ["integer", "null"]},
                "disk_bytes": {"type": ["integer", "null"]},
            }
        ),
        "background": nullable(closed({"cpu_percent": _ends(_AMOUNT), "link_mbit_per_second": _AMOUNT})),
        "clocks": _ends(_CLOCK),
        "migration": {
            "type": "object",
            "required": ["start_ns", "end_ns", "switch_requested_ns", "abort_reason", "error"],
        },
        "events": {"type": "array", "items": {"type": "object", "required": ["host", "event", "at_ns", "data"]}},
        "job_series": _ROWS,
        "completed": nullable(_OBJECT),
        "destination_statistics": _OBJECT,
        "network": _ends(_ROWS),
        "threads": _ends(_ROWS),
        "echoes": {"type": "array", "items": {"type": "array", "minItems": 4, "maxItems": 4}},
        "guest": closed({"warm_up": nullable(_OBJECT), "window": nullable(_OBJECT), "verified": nullable(_OBJECT)}),
        "guest_location": {"enum": ["source", "destination", "both", "none"]},
    }
)

RECORD: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Run record of a measured live migration",
    **closed(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "run_id": _TEXT,
            "group_id": _TEXT,
            "guest_number": {"type": "integer", "minimum": 1},
            "campaign": _TEXT,
            "started_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "scenario": _SCENARIO,
            "scenario_hash": _DIGEST,
            "builds": {"type": "array", "items": _TEXT, "minItems": 2},
            "cell_key": _DIGEST,
            "hosts": _ends(_HOST),
            "outcome": {"enum": list(OUTCOMES)},
            "reason": _TEXT,
            "valid": {"type": "boolean"},
            "validators": {
                "type": "array",
                "minItems": 1,
                "items": closed({"name": _TEXT, "passed": {"type": ["boolean", "null"]}, "sentence": _TEXT}),
            },
            "summary": closed(
                {
                    key: {"type": ["boolean" if key == "brownout_ended" else "number", "null"], "description": meaning}
                    for key, meaning in SUMMARY_FIELDS.items()
                }
            ),
            "calibration": _ROWS,
            "raw": _RAW,
        }
    ),
}
