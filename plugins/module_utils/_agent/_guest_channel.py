# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's two virtio-serial ports: results come out by a file, commands go in by libvirt's channel."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Callable

from ._binding import libvirt
from ._clock import now_ns
from ._errors import AgentError

_POLL_SECONDS = 0.01
CONTROL_PORT = "org.stsm.control"


class ResultFollower:
    """Hands out every line that appears in a guest's result file, through rotations of that file.

    All lines that are there already if *from_start*, else those from now on.  With *makes_folder* the file's folder is
    made: QEMU makes the file, on the destination of a migration too, but not the folder.
    """

    def __init__(
        self,
        guest: str,
        path: str,
        notify: Callable[..., None],
        from_start: bool = False,
        makes_folder: bool = True,
    ) -> None:
        self._guest = guest
        self._path = Path(path)
        if makes_folder:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self._notify = notify
        self._stop = threading.Event()
        self._partial = b""
        self._file = self._open()
        if self._file is not None and not from_start:
            self._file.seek(0, os.SEEK_END)
        self._thread = threading.Thread(target=self._run, name="results", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _open(self) -> Any:
        try:
            return self._path.open("rb")
        except OSError:
            return None

    def _run(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            if self._file is None:
                self._file = self._open()
                continue
            self._hand_out(self._file.read())
            if self._rotated():
                self._hand_out(self._file.read())
                self._file.close()
                self._file = self._open()

    def _rotated(self) -> bool:
        try:
            return os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino
        except OSError:
            return False

    def _hand_out(self, data: bytes) -> None:
        if not data:
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                self._notify("guest", at_ns=now_ns(), guest=self._guest, line=json.loads(line))
            except ValueError:
                text = line[:200].decode(errors="replace")
                self._notify("guest_garbage", at_ns=now_ns(), guest=self._guest, text=text)


def last_line(path: str) -> str:
    """The last line of the guest's console in a file that is not the kernel's own; '' where there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip() and not line.startswith("[")), "")


class ControlPort:
    """The control port of a running *domain*, held open: QEMU drops what it has not read yet when a peer hangs up.

    A guest that gets no processor for a moment has made no room for it, and so lost a command.
    """

    def __init__(self, connection: Any, domain: Any) -> None:
        self._run = domain.ID()
        self._stream = connection.newStream(0)
        domain.openChannel(CONTROL_PORT, self._stream, libvirt.VIR_DOMAIN_CHANNEL_FORCE)

    def leads_to(self, domain: Any) -> bool:
        """Whether the domain is still the one that the port was opened of, and has not left and come back."""
        return bool(domain.ID() == self._run)

    def close(self) -> None:
        """Give up the port: libvirtd keeps one that is only dropped until we disconnect, even when its guest left."""
        with contextlib.suppress(libvirt.libvirtError):
            self._stream.abort()

    def send(self, command: str) -> None:
        """Write one command line to the guest."""
        try:
            self._stream.send(command.encode() + b"\n")
        except libvirt.libvirtError as error:
            self._run = None
            raise AgentError(f"The guest's control port broke: {error}.") from None
