# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load beside a migration, while it is wanted and as it was."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Background

# A UDP port, of a number that belongs to the migration network anyway.
STREAM_PORT = 49214


class BackgroundLoad:
    """The load that is asked for, on both hosts and from *source* to *destination*, while the context is open.

    Afterwards :attr:`seen` holds what it was; None if none was asked for, or if it is not known because a host was
    lost.
    """

    def __init__(self, source: HostConnection, destination: HostConnection, asked: Background) -> None:
        self.seen: dict[str, Any] | None = None
        self._ends = {"source": source, "destination": destination}
        self._asked = asked

    def __enter__(self) -> BackgroundLoad:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._asked == Background():
            return
        found: dict[str, dict[str, Any]] = {}
        # The sender stops before the receiver; a host that is lost keeps nobody from stopping the other one's load.
        for end, connection in self._ends.items():
            with contextlib.suppress(InstrumentError):
                found[end] = connection.call("stop_loads")
        if len(found) == len(self._ends):
            self.seen = {
                "cpu_percent": {end: loads.get("cpu_percent", 0.0) for end, loads in found.items()},
                "link_mbit_per_second": _mbit_per_second(found["source"], found["destination"]),
            }

    def _start(self) -> None:
        source, destination = self._ends["source"], self._ends["destination"]
        if self._asked.cpu_percent:
            for connection in self._ends.values():
                connection.call("load_processors", percent=self._asked.cpu_percent)
        if self._asked.link_mbit_per_second:
            address = destination.host.migration_address
            destination.call("receive_load", address=address, port=STREAM_PORT)
            source.call(
                "send_load",
                address=address,
                port=STREAM_PORT,
                source_address=source.host.migration_address,
                mbit_per_second=self._asked.link_mbit_per_second,
            )


def _mbit_per_second(source: dict[str, Any], destination: dict[str, Any]) -> float:
    """What arrived, counted in whole frames as the link does, over the time in which it was sent."""
    if not source.get("sent") or not destination.get("received"):
        return 0.0
    frame_bytes = float(destination["received"]["bytes"] * source["sent"]["frame_share"])
    return round(frame_bytes * 8 / float(source["sent"]["seconds"]) / 1e6, 1)
