# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest whose QEMU is spoken to by its own monitor: its state, its ends of a migration, its control port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from typing import Any, Callable, Mapping

from ._errors import AgentError
from ._offer import tls_folder
from ._qmp import QmpClient, QmpEndedError, QmpError

# What QEMU counts only when it is told from the start, by its command line; a strategy does not change it.
_FROM_THE_START = ("postcopy-blocktime",)
_ENDS = ("completed", "failed", "cancelled")
_LOOK_SECONDS = 0.25
# Statuses in which the newer half of the guest's memory is on the other host, or may be.
_TORN = ("postcopy-paused", "postcopy-recover-setup", "postcopy-recover")


class HandGuest:
    """A guest with the monitor and the keeper of its QEMU; *description* says whose it is and how it was started.

    *control* is the unix socket of its control port.
    """

    def __init__(
        self, name: str, client: QmpClient, keeper: subprocess.Popen[bytes], description: str, control: str
    ) -> None:
        self.name = name
        self._control = control
        self._control_port: socket.socket | None = None
        self.client = client
        self.keeper = keeper
        self.description = description
        # The statistics of a migration from here that has completed, under our names.
        self.completed: dict[str, Any] | None = None
        self._statuses: list[str] = []
        self._changed = threading.Condition()
        self._runs_on_arrival = False
        self._first_parameters = client.execute("query-migrate-parameters")

    def note_event(self, event: str, data: Mapping[str, Any]) -> None:
        """Told of each event of this QEMU."""
        if event != "MIGRATION":
            return
        with self._changed:
            self._statuses.append(str(data.get("status")))
            self._changed.notify_all()
        if self._runs_on_arrival and self._statuses[-1] == "completed":
            # Not from this thread, which brings the answer.
            threading.Thread(target=self._arrive, name="arrive", daemon=True).start()

    # -- state ---------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What :meth:`.Hypervisor.state` tells of a guest; what post-copy has left torn between two hosts is paused."""
        # A torn guest may keep its QEMU from answering, but its events came before.
        is_whole = not self._statuses or self._statuses[-1] not in _TORN
        return {
            "state": "running" if is_whole and self.client.execute("query-status")["running"] else "paused",
            "description": self.description,
            "persistent": False,
            "traits": [],
        }

    def migration_status(self) -> str:
        """Where a migration from or to here stands, in QEMU's words; ``none`` without one."""
        status: str = self.client.execute("query-migrate").get("status", "none")
        return status

    @property
    def machine(self) -> str:
        """The machine type, which a guest takes along: the same name may mean another one on the next host."""
        kind: str = self.client.execute("qom-get", {"path": "/machine", "property": "type"})
        return kind[: -len("-machine")] if kind.endswith("-machine") else kind

    def suspend(self) -> None:
        """Stop the guest's processors."""
        self.client.execute("stop")

    def resume(self) -> None:
        """Let the guest's processors go on."""
        self.client.execute("cont")

    def resume_after_migration(self) -> None:
        """Resume a guest that a migration left paused that ended before its switch; any other pause stays."""
        try:
            stands = not self.client.execute("query-status")["running"]
            if stands and not self.has_switched and self.migration_status() in ("failed", "cancelled"):
                self.resume()
        except QmpEndedError:
            return  # there is nothing to resume

    def send_command(self, command: str) -> None:
        """Write one line to the guest."""
        try:
            if self._control_port is None:
                port = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                port.connect(self._control)
                # It stays open: QEMU may drop what it has not read yet when a peer hangs up.
                self._control_port = port
            self._control_port.sendall(command.encode() + b"\n")
        except OSError as error:
            raise AgentError(f"The guest {self.name} cannot be spoken to ({error.strerror}).") from None

    def close(self) -> None:
        """Let go of a QEMU that has ended."""
        self.client.close()
        if self._control_port is not None:
            self._control_port.close()

    # -- a migration ---------------------------------------------------------------------------------------------------

    def prepare(self, capabilities: Mapping[str, bool], parameters: Mapping[str, Any], endpoint: str) -> None:
        """Set what a migration is to use; whatever an earlier one has set and this one does not goes back.

        *endpoint* is which end of TLS this one is (``client``, ``server``), if that is used.
        """
        self._statuses, self.completed = [], None
        there = {row["capability"]: row["state"] for row in self.client.execute("query-migrate-capabilities")}
        wanted = {name: name in _FROM_THE_START for name, is_on in there.items() if is_on}
        wanted.update(capabilities)
        changes = [
            {"capability": name, "state": state} for name, state in wanted.items() if there.get(name) is not state
        ]
        if changes:
            self.client.execute("migrate-set-capabilities", {"capabilities": changes})
        set_now = self.client.execute("query-migrate-parameters")
        settings = {name: value for name, value in self._first_parameters.items() if set_now.get(name) != value}
        if settings:
            self.client.execute("migrate-set-parameters", settings)
        credentials = parameters.get("tls-creds")
        if credentials:
            self._make_credentials(credentials, endpoint)
        self.client.execute("migrate-set-parameters", parameters)

    def _make_credentials(self, name: str, endpoint: str) -> None:
        # Those of an earlier migration are of the other end: what was a destination is a source now.
        with contextlib.suppress(QmpError):
            self.client.execute("object-del", {"id": name})
        options = {"dir": tls_folder(), "endpoint": endpoint, "verify-peer": True}
        self.client.execute("object-add", {"qom-type": "tls-creds-x509", "id": name, **options})

    def listen(self, uri: str, runs_on_arrival: bool) -> None:
        """Wait for the guest to come; one that was stopped before it left goes on here if it is to."""
        self._runs_on_arrival = runs_on_arrival
        self.client.execute("migrate-incoming", {"uri": uri})

    def _arrive(self) -> None:
        self._runs_on_arrival = False
        self.resume()

    def wait_migration_end(self, is_given_up: Callable[[], bool]) -> str:
        """Wait until a migration from here has ended; returns its last status.

        A post-copy that has broken has ended only if nobody waits for it any more.
        """
        while True:
            with self._changed:
                if self._changed.wait_for(self._has_come_to_an_end, _LOOK_SECONDS):
                    return self._statuses[-1]
            # Of an event that was lost the status still tells; a QEMU that has ended is noticed here, too.
            status = self.migration_status()
            if status in _ENDS or status in _TORN and is_given_up():
                return status

    def _has_come_to_an_end(self) -> bool:
        return bool(self._statuses) and self._statuses[-1] in _ENDS

    @property
    def has_switched(self) -> bool:
        """Whether the last migration from here came to its post-copy."""
        return any(status.startswith("postcopy") for status in self._statuses)

    def pause_stream(self) -> None:
        """Give up the stream of a post-copy, so that another one can take its place; harmless where there is none."""
        with contextlib.suppress(QmpError):
            self.client.execute("migrate-pause", out_of_band=True)

    def recover(self, uri: str) -> None:
        """Wait for the rest of a guest that runs here and whose post-copy has broken."""
        self.client.execute("migrate-recover", {"uri": uri}, out_of_band=True)

    def resend(self, uri: str) -> None:
        """Send the rest of a guest whose post-copy has broken, over another stream."""
        self.client.execute("migrate", {"uri": uri, "resume": True})
