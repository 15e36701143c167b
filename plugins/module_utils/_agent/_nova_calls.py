# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller may ask of a host of a cloud; every public method is a call of the protocol."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any, Callable

from ._binding import libvirt
from ._errors import AgentError
from ._hypervisor import Hypervisor
from ._nova_log import log_bytes, log_lines
from ._nova_mover import NovaMover
from ._nova_options import nova_options
from ._serial_line import SerialLine

_WORKLOAD = Path("/var/lib/stsm-live-migration/workload")
# So much travels in one line.
_PART_BYTES = 4 << 20


class NovaCalls:
    """*begin* begins to watch a migration by its mover, *notify* sends a notice."""

    def __init__(
        self,
        hypervisor: Callable[[], Hypervisor],
        begin: Callable[[str, NovaMover, dict[str, Any]], None],
        notify: Callable[..., None],
    ) -> None:
        self._hypervisor = hypervisor
        self._begin = begin
        self._notify = notify
        self._movers: dict[str, NovaMover] = {}
        self._lines: dict[str, SerialLine] = {}

    def watch_migration(self, guest: str, request: dict[str, Any]) -> None:
        """Watch and steer the migration that Nova is about to be asked for."""
        hypervisor = self._hypervisor()
        hypervisor.take_completed(guest)

        def tell(notice: str, **fields: Any) -> None:
            self._notify(notice, guest=guest, **fields)

        self._movers[guest] = mover = NovaMover(hypervisor.domain(guest), request, tell)
        self._begin(guest, mover, request)

    def confirm_switch(self, guest: str) -> None:
        """Nova has taken the order to switch to post-copy."""
        self._movers[guest].confirm_switch()

    def conclude_migration(self, guest: str, error: str | None) -> None:
        """Nova has ended the migration; harmless when that was told already."""
        if guest in self._movers:
            self._movers[guest].conclude(error)

    def command_instance(self, guest: str, command: str) -> None:
        """Write one command line to a guest, wherever it runs now, by its serial line."""
        line = self._lines.get(guest)
        if line is None or not line.is_open:
            hypervisor = self._hypervisor()
            line = self._lines[guest] = SerialLine(hypervisor.connection, hypervisor.domain(guest))
        line.send(command)

    def remove_instance(self, guest: str) -> None:
        """End and forget a domain that the cloud has forgotten; harmless if it is not here."""
        self._hypervisor().destroy(guest)
        with contextlib.suppress(AgentError, libvirt.libvirtError):
            self._hypervisor().domain(guest).undefine()

    def nova_options(self, names: list[str]) -> dict[str, str]:
        """What the running nova-compute has been given of its section libvirt; see :func:`.nova_options`."""
        return nova_options(names)

    def nova_log_bytes(self) -> int:
        """How long nova-compute's log is by now."""
        return log_bytes()

    def nova_log(self, instance: str, since_bytes: int) -> list[dict[str, Any]]:
        """What nova-compute has logged of an instance since then; see :func:`.log_lines`."""
        return log_lines(instance, since_bytes)

    def workload_part(self, file: str, offset: int) -> str:
        """A part of a file of the workload guest, in base 64; empty at its end."""
        with (_WORKLOAD / Path(file).name).open("rb") as content:
            content.seek(offset)
            return base64.b64encode(content.read(_PART_BYTES)).decode("ascii")
