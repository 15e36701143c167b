# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of QEMU's machine protocol (QMP): commands with their answers, events with their times."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from typing import Any, BinaryIO, Callable, Mapping

from ._clock import monotonic_from_realtime_ns, now_ns
from ._errors import AgentError

ANSWER_SECONDS = 10.0
_CONNECT_POLL_SECONDS = 0.01

# Called with an event's name, its time on this host's monotonic clock, and its data.
EventHandler = Callable[[str, int, Mapping[str, Any]], None]


class QmpError(AgentError):
    """QEMU refused a command; the sentence holds its own words."""


class QmpEndedError(AgentError):
    """QEMU, or the connection to it, has ended."""


class QmpClient:
    """One monitor of one QEMU.

    Answers find their commands by an id, so that several threads may ask at once.  *on_event* is called in the order of
    the events from a thread that also fetches the answers: it must not ask anything itself.
    """

    def __init__(self, path: str, on_event: EventHandler, patience_seconds: float = ANSWER_SECONDS) -> None:
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._awaited: set[int] = set()
        self._changed = threading.Condition()
        self._write_lock = threading.Lock()
        self._ended = False
        self._socket = _connect(path, patience_seconds)
        self._lines: BinaryIO = self._socket.makefile("rb")
        self.greeting = self._greet(patience_seconds)
        self._reader = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._reader.start()
        self._has_oob = "oob" in self.greeting.get("capabilities", ())
        self.execute("qmp_capabilities", {"enable": ["oob"] if self._has_oob else []}, patience_seconds)

    @property
    def has_ended(self) -> bool:
        """Whether QEMU has closed the connection; it does so as it ends."""
        return self._ended

    def execute(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        timeout_seconds: float = ANSWER_SECONDS,
        out_of_band: bool = False,
    ) -> Any:
        """Have QEMU execute a command and return its answer.

        *out_of_band* has it executed at once, by QEMU's monitor itself, as only few commands can be: whatever waits for
        a page that post-copy has not brought may keep QEMU's lock, and with it all other commands, waiting as well.

        Raises QmpError if QEMU refuses it, QmpEndedError if QEMU ends first, AgentError if it says nothing in time.
        """
        identifier = next(self._ids)
        with self._changed:
            self._awaited.add(identifier)
        verb = "exec-oob" if out_of_band and self._has_oob else "execute"
        self._send(command, {verb: command, "arguments": dict(arguments or {}), "id": identifier})
        with self._changed:
            came = self._changed.wait_for(lambda: identifier in self._answers or self._ended, timeout_seconds)
            self._awaited.discard(identifier)
            answer = self._answers.pop(identifier, None)
        if answer is None:
            if came:
                raise QmpEndedError(f"QEMU ended before it answered {command}.")
            raise AgentError(f"QEMU did not answer {command} within {timeout_seconds:g} s.")
        if "error" in answer:
            raise QmpError(f"QEMU refused {command}: {answer['error']['desc']}.")
        return answer["return"]

    def close(self) -> None:
        """Give the monitor back; QEMU goes on."""
        with contextlib.suppress(OSError):  # QEMU was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _greet(self, patience_seconds: float) -> dict[str, Any]:
        self._socket.settimeout(patience_seconds)
        try:
            greeting: dict[str, Any] = json.loads(self._lines.readline())["QMP"]
        except (OSError, ValueError, KeyError) as error:
            self._socket.close()
            raise QmpEndedError(f"QEMU did not greet as QMP wants it ({error or 'it said nothing'}).") from None
        self._socket.settimeout(None)
        return greeting

    def _send(self, command: str, message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._write_lock:
                self._socket.sendall(data)
        except OSError:
            raise QmpEndedError(f"QEMU has ended and cannot execute {command}.") from None

    def _read(self) -> None:
        try:
            # A line may be cut off: QEMU was killed.
            with contextlib.suppress(OSError, ValueError):
                for line in self._lines:
                    self._receive(json.loads(line))
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _receive(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message["event"], _event_ns(message.get("timestamp", {})), message.get("data", {}))
            return
        with self._changed:
            # An answer that came too late is nobody's any more.
            if message.get("id") in self._awaited:
                self._answers[message["id"]] = message
                self._changed.notify_all()


def _connect(path: str, patience_seconds: float) -> socket.socket:
    """Connect to a socket that QEMU may still have to make."""
    deadline = time.monotonic() + patience_seconds
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                raise QmpEndedError(f"QEMU does not listen on {path} ({error.strerror}).") from None
        time.sleep(_CONNECT_POLL_SECONDS)


def _event_ns(stamp: Mapping[str, int]) -> int:
    """QEMU's own time of an event; it gives negative numbers where it has none."""
    if stamp.get("seconds", -1) < 0:
        return now_ns()
    return monotonic_from_realtime_ns(stamp["seconds"] * 1_000_000_000 + stamp["microseconds"] * 1000)
