# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a campaign's records for its report: everything but the raw series, of which only little is kept."""

from __future__ import annotations

import contextlib
import gc
import json
from pathlib import Path
from typing import Any, Callable, Iterator

from ansible_collections.stsm.live_migration.plugins.module_utils._quality import quality
from ansible_collections.stsm.live_migration.plugins.module_utils._record import stream
from ansible_collections.stsm.live_migration.plugins.module_utils._report_timeline import timeline
from ansible_collections.stsm.live_migration.plugins.module_utils._run_checks import once

# What most runs of a campaign have in common, and so is kept once.
_SHARED = ("hosts", "calibration")


def gather(path: Path, complain: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Return the records in order, each with "timeline" (compact JSON text) and "quality" in place of "raw".

    A record of the raw series is some 300 KB; what is kept of it is about 3 KB, so that thousands fit in memory.
    """
    common: dict[str, Any] = {}
    with _no_collection():
        return [light(record, common) for record in once(stream(path, complain), complain)]


def light(record: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a record; what many have in common is kept once, in *common*."""
    kept = {key: value for key, value in record.items() if key != "raw"}
    for key in _SHARED:
        kept[key] = common.setdefault(json.dumps(record[key], sort_keys=True), record[key])
    kept["timeline"] = json.dumps(timeline(record["raw"], record["summary"]["brownout_ms"]), separators=(",", ":"))
    kept["quality"] = quality(record["raw"])
    return kept


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from looking for cycles: JSON has none, and looking takes half of the time that reading it does."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
