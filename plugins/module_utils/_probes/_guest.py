# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's vantage point: commands to it and what it says, wherever it runs."""

from __future__ import annotations

import itertools
import time
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError

ANSWER_SECONDS = 30


class GuestChannel:
    """Speaks with the workload guest through the agents of the hosts it may be on.

    By its own two ports, or for both by its *serial* line, whose file and folder are somebody else's.
    """

    def __init__(
        self, guest: str, result_path: str, connections: Sequence[HostConnection], serial: bool = False
    ) -> None:
        self._guest = guest
        self._result_path = result_path
        self._connections = connections
        self._serial = serial
        # Answers are told apart by their id across the runs of one living guest.
        self._ids = itertools.count(time.monotonic_ns() // 1_000_000)

    def follow(self, from_start: bool = False) -> None:
        """Read the guest's lines from now on, or from its first one, on whichever host it says them."""
        how = {"from_start": from_start, "makes_folder": not self._serial}
        for connection in self._connections:
            connection.forget("guest", guest=self._guest)
            connection.call("follow_guest", guest=self._guest, result_path=self._result_path, **how)

    def wait_ready(self, host: HostConnection, timeout_seconds: float) -> dict[str, Any]:
        """The first line of a guest started on *host*, once its memory is filled; its last words if it gave up."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            ready = self._find("kind", "ready", min(1.0, timeout_seconds))
            if ready is not None:
                return ready
            if host.call("guest_state", guest=self._guest)["state"] == "absent":
                break
        console_path = self._result_path if self._serial else f"{self._result_path}.console"
        words = host.call("last_words", console_path=console_path) or "nothing"
        raise InstrumentError(
            f"The guest {self._guest} did not boot on {host.host.name} within {timeout_seconds:g} s; the last it said "
            f"on its console is: {words}"
        )

    def ask(
        self, host: HostConnection, command: str, timeout_seconds: float = ANSWER_SECONDS, **values: Any
    ) -> dict[str, Any]:
        """Give *command* to the guest on *host* and wait for its answer, which may come from either host."""
        identifier = self.tell(host, command, **values)
        answer = self._find("id", identifier, timeout_seconds)
        if answer is None:
            raise InstrumentError(f"The guest {self._guest} did not answer {command} within {timeout_seconds:g} s.")
        if answer["kind"] == "refused":
            raise InstrumentError(f"The guest {self._guest} refused {command}: {answer['message']}")
        return answer

    def tell(self, host: HostConnection, command: str, **values: Any) -> int:
        """Give *command* to the guest on *host* without waiting for its answer; returns the answer's id."""
        identifier = next(self._ids)
        words = " ".join(f"{key}={value}" for key, value in values.items())
        line = f"id={identifier} command={command} {words}".rstrip()
        host.call("command_instance" if self._serial else "command_guest", guest=self._guest, command=line)
        return identifier

    def _find(self, key: str, value: Any, timeout_seconds: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for connection in self._connections:
                for notice in connection.notices("guest", guest=self._guest):
                    line: dict[str, Any] = notice["line"]
                    if line.get(key) == value:
                        return line
            time.sleep(0.005)
        return None
