# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's serial line, for guests to which nobody can add a channel of their own."""

from __future__ import annotations

import threading
import time
from typing import Any

from ._binding import libvirt
from ._errors import AgentError

_SERIAL_LINE = "serial0"
_POLL_SECONDS = 0.02
_SEND_SECONDS = 5.0
# What libvirt answers where a stream that must not wait would have to.
_LATER = -2


class SerialLine:
    """The line of one *domain*, held open: QEMU looks only once a second whether somebody has opened it.

    What comes out of it is thrown away, since the host keeps it in a file; left unread, it would hold the guest up.
    """

    def __init__(self, connection: Any, domain: Any) -> None:
        self._stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        self._is_open = True
        try:
            domain.openConsole(_SERIAL_LINE, self._stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
        except libvirt.libvirtError as error:
            raise AgentError(f"The guest's serial line cannot be opened: {error}.") from None
        threading.Thread(target=self._drain, name="serial", daemon=True).start()
        # Somebody may have left half a line.
        self.send("")

    @property
    def is_open(self) -> bool:
        """Whether the guest is still at the other end; it is not once it has moved."""
        return self._is_open

    def send(self, line: str) -> None:
        """Write one line to the guest."""
        data = line.encode() + b"\n"
        deadline = time.monotonic() + _SEND_SECONDS
        while data:
            try:
                sent = self._stream.send(data)
            except libvirt.libvirtError as error:
                self._is_open = False
                raise AgentError(f"The guest's serial line broke: {error}.") from None
            if sent == _LATER:
                if time.monotonic() > deadline:
                    raise AgentError("The guest's serial line takes nothing.")
                time.sleep(_POLL_SECONDS)
            else:
                data = data[sent:]

    def _drain(self) -> None:
        try:
            while True:
                got = self._stream.recv(1 << 16)
                if got == _LATER:
                    time.sleep(_POLL_SECONDS)
                elif not got:
                    break
        except libvirt.libvirtError:
            pass
        self._is_open = False
