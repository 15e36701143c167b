# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a campaign's records for its report: everything but the raw series, of which only the timeline is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

from ansible_collections.stsm.live_migration.plugins.module_utils._record import stream
from ansible_collections.stsm.live_migration.plugins.module_utils._report_timeline import timeline

# What most runs of a campaign have in common, and so is kept once.
_SHARED = ("hosts", "calibration")


def gather(path: Path, complain: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Return the records in order, each with "timeline" (compact JSON text) in place of "raw".

    A record of the raw series is some 200 KB; what is kept of it is about 3 KB, so that thousands fit in memory.
    """
    kept: list[dict[str, Any]] = []
    common: dict[str, Any] = {}
    for record in stream(path, complain):
        light = {key: value for key, value in record.items() if key != "raw"}
        for key in _SHARED:
            light[key] = common.setdefault(json.dumps(record[key], sort_keys=True), record[key])
        light["timeline"] = json.dumps(timeline(record["raw"]), separators=(",", ":"))
        kept.append(light)
    return kept
