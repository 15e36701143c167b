# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link by itself: what one TCP stream carries between two hosts, measured and not taken from a data sheet."""

from __future__ import annotations

import socket
import time

from ._errors import AgentError

_CHUNK_BYTES = 1 << 20
_WINDOW_SECONDS = 0.5


class LinkReceiver:
    """The receiving end; made first, so that its port is known to the sender."""

    def __init__(self, address: str, port: int) -> None:
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._socket = socket.create_server((address, port), family=family, backlog=1)
        except OSError as error:
            raise AgentError(
                f"Cannot listen on {address} port {port} for the link measurement ({error.strerror}): "
                "check migration_address and that the port is free."
            ) from None

    def measure(self, timeout_seconds: float) -> float:
        """Payload in Mbit/s of one stream: its best half second but the first."""
        self._socket.settimeout(timeout_seconds)
        try:
            stream, _peer = self._socket.accept()
        except socket.timeout:
            raise AgentError(
                "No stream arrived for the link measurement: check that the peers' packet filters admit the "
                "migration ports on the migration network."
            ) from None
        with stream:
            stream.settimeout(timeout_seconds)
            return _receive_mbit_per_second(stream)

    def close(self) -> None:
        self._socket.close()


def _receive_mbit_per_second(stream: socket.socket) -> float:
    """The highest rate of any window: what the link carries, where the mean is also what a busy host makes of it."""
    buffer = bytearray(_CHUNK_BYTES)
    rates = []
    window_bytes, window_start = 0, time.monotonic()
    while True:
        received = stream.recv_into(buffer)
        if not received:
            break
        window_bytes += received
        seconds = time.monotonic() - window_start
        if seconds >= _WINDOW_SECONDS:
            rates.append(window_bytes * 8 / seconds / 1e6)
            window_bytes, window_start = 0, time.monotonic()
    if len(rates) < 2:
        raise AgentError(f"The link measurement ended within two windows of {_WINDOW_SECONDS:g} s: let it run longer.")
    # The first window holds the burst that a shaper admits and the start of the stream.
    return max(rates[1:])


def send_stream(address: str, port: int, source_address: str, duration_seconds: float) -> None:
    """Send as fast as the link takes it for *duration_seconds*."""
    chunk = bytes(_CHUNK_BYTES)
    try:
        with socket.create_connection((address, port), timeout=10, source_address=(source_address, 0)) as stream:
            ends_at = time.monotonic() + duration_seconds
            while time.monotonic() < ends_at:
                stream.sendall(chunk)
    except OSError as error:
        raise AgentError(
            f"The link measurement could not reach {address} port {port} ({error}): check that the peer's packet "
            "filter admits the migration ports on the migration network."
        ) from None
