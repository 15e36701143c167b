# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One time line of a migration through Nova: what the API was asked and said, and when libvirt's job was under way."""

from __future__ import annotations

import time
from typing import Any, Iterable, Mapping


class NovaTimes:
    """Moments by name and Nova's statuses as they were first seen, in nanoseconds of the observer's clock."""

    def __init__(self) -> None:
        self._moments: dict[str, int] = {}
        self._statuses: list[dict[str, Any]] = []
        self._migration: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self.problem: str | None = None

    def note(self, moment: str, at_ns: int | None = None) -> int:
        """Keep when something first was so, now unless told otherwise; returns it."""
        return self._moments.setdefault(moment, time.monotonic_ns() if at_ns is None else at_ns)

    def see(self, migration: Mapping[str, Any]) -> None:
        """Take what Nova says of the migration."""
        if migration["status"] != self.last_status:
            self._statuses.append({"status": migration["status"], "at_ns": time.monotonic_ns()})
        self._migration = {key: migration.get(key) for key in ("id", "uuid", "created_at", "updated_at")}

    @property
    def last_status(self) -> str | None:
        """What Nova last said."""
        return self._statuses[-1]["status"] if self._statuses else None

    def add_libvirt(self, notices: Iterable[Mapping[str, Any]]) -> None:
        """Take when libvirt's job began and ended."""
        for notice in notices:
            self.note(f"libvirt_{notice['state']}", notice["at_ns"])

    def to_dict(self) -> dict[str, Any]:
        """As a record keeps it: times ending in ``_ns``; ``steps`` and the migration's own are Nova's, in seconds.

        ``log`` are the lines of nova-compute's logs, by the hosts' time of day.
        """
        return {
            **{f"{moment}_ns": at_ns for moment, at_ns in sorted(self._moments.items(), key=lambda item: item[1])},
            "statuses": self._statuses,
            "migration": self._migration,
            "steps": self.steps,
            "log": sorted(self.log, key=lambda line: line["time_of_day_ms"]),
            "problem": self.problem,
        }
