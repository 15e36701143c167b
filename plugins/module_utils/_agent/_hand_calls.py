# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller may ask of guests whose QEMU is started by hand; every public method is a call of the protocol."""

from __future__ import annotations

from typing import Any, Callable

from ._errors import AgentError
from ._launcher import Launcher
from ._qmp_mover import QmpMover
from ._reach import free_port


class HandCalls:
    """*begin* begins a migration by a mover; *libvirt_state* tells what state libvirt knows a name in."""

    def __init__(
        self,
        launcher: Launcher,
        begin: Callable[[str, QmpMover, dict[str, Any]], None],
        libvirt_state: Callable[[str], str],
    ) -> None:
        self._launcher = launcher
        self._begin = begin
        self._libvirt_state = libvirt_state

    def launch_guest(self, guest: str, order: dict[str, Any]) -> None:
        """Start a guest's QEMU; see :meth:`.Launcher.launch`."""
        if self._libvirt_state(guest) != "absent":
            raise AgentError(f"libvirt has a guest {guest} on this host: set another guest.name.")
        self._launcher.launch(guest, order)

    def dismiss_guest(self, guest: str) -> None:
        """End a guest if its QEMU was started by hand; whatever else has its name is left alone."""
        self._launcher.destroy(guest)

    def guest_machine(self, guest: str) -> str:
        """The machine type of a guest that runs here."""
        return self._launcher.guest(guest).machine

    def await_guest(self, guest: str, address: str, request: dict[str, Any]) -> str:
        """Have a QEMU wait for its guest; returns the URI by which the guest may come."""
        by_hand = self._launcher.guest(guest)
        by_hand.prepare(request["capabilities"], request["parameters"], "server")
        uri = _uri(address)
        by_hand.listen(uri, runs_on_arrival=request["suspends_first"])
        return uri

    def migrate_by_hand(self, guest: str, request: dict[str, Any]) -> None:
        """Begin a migration to a QEMU that waits."""
        by_hand = self._launcher.guest(guest)
        by_hand.prepare(request["capabilities"], request["parameters"], "client")
        self._begin(guest, QmpMover(by_hand, request), request)

    def pause_stream(self, guest: str) -> None:
        """Give up the stream of a post-copy, so that another one can take its place; harmless where there is none."""
        self._launcher.guest(guest).pause_stream()

    def await_rest(self, guest: str, address: str) -> str:
        """Have a QEMU whose post-copy has broken wait for the rest of its guest; returns the URI for it."""
        uri = _uri(address)
        self._launcher.guest(guest).recover(uri)
        return uri

    def send_rest(self, guest: str, uri: str) -> None:
        """Send the rest of a guest whose post-copy has broken."""
        self._launcher.guest(guest).resend(uri)


def _uri(address: str) -> str:
    """Where a QEMU on this host may listen for a guest."""
    host = f"[{address}]" if ":" in address else address
    return f"tcp:{host}:{free_port(address)}"
