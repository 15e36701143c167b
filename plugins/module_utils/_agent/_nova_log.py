# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova-compute has logged of an instance; its time stamps were once the only clock of a migration."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Sequence

# Where packages and containers have it.
LOGS = ("/var/log/nova/nova-compute.log", "/var/log/kolla/nova/nova-compute.log")
_LINE = re.compile(r"(?P<time>\S+ \S+) \d+ [A-Z]+ nova\.\S+ .*\[instance: (?P<instance>[0-9a-f-]+)\] +(?P<message>.*)")


def log_bytes(logs: Sequence[str] = LOGS) -> int:
    """How long the log is; 0 where there is none."""
    path = _existing(logs)
    return 0 if path is None else path.stat().st_size


def log_lines(instance: str, since_bytes: int, logs: Sequence[str] = LOGS) -> list[dict[str, Any]]:
    """Its lines of an *instance* behind what it had, each with ``time_of_day_ms`` (of the epoch) and ``message``."""
    path = _existing(logs)
    if path is None:
        return []
    with path.open("rb") as log:
        # A log that has become shorter was begun anew.
        log.seek(since_bytes if since_bytes <= path.stat().st_size else 0)
        found = [_LINE.match(line) for line in log.read().decode(errors="replace").splitlines()]
    return [
        {"time_of_day_ms": _milliseconds(line["time"]), "message": line["message"]}
        for line in found
        if line is not None and line["instance"] == instance
    ]


def _existing(logs: Sequence[str]) -> Path | None:
    return next((path for path in map(Path, logs) if path.exists()), None)


def _milliseconds(stamp: str) -> int:
    return round(datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f").timestamp() * 1000)
