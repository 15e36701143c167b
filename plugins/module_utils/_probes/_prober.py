# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network probe's own process: sends a time-stamped request every period and keeps what comes back.

Run as ``python -c SOURCE ADDRESS PROTOCOL PERIOD_MS`` with the standard library only, apart from the instrument's own
process so that nothing there delays a probe.  Ends at the end of its standard input, then prints one JSON array of
``[send_ns, receive_ns | null, guest_ns | null, touched_pages | null]`` in order of sending; times are CLOCK_MONOTONIC.

The protocol is ``udp`` for the workload guest, which answers with its own time and progress, or ``icmp`` for any other
guest, whose kernel answers with what it was sent: the last two columns are then null.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time

ECHO_PORT = 7
MAGIC = b"STSM"
REQUEST = struct.Struct("<4sIQ48x")
REPLY = struct.Struct("<4sIQQQ32x")
_ICMP_HEADER = struct.Struct(">BBHHH")
# By family: the protocol, the type of a request, the type of its answer.
_ICMP = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}
_LAST_WORDS_SECONDS = 0.3


class UdpEcho:
    """The workload guest's echo service."""

    def __init__(self, address: str) -> None:
        family, _kind, _protocol, _name, target = _resolve(address, ECHO_PORT)
        self.link = socket.socket(family, socket.SOCK_DGRAM)
        self.link.connect(target)

    @staticmethod
    def request(sequence: int, send_ns: int) -> bytes:
        """The datagram of one probe."""
        return REQUEST.pack(MAGIC, sequence, send_ns)

    @staticmethod
    def reply(data: bytes) -> tuple[int, int | None, int | None] | None:
        """``(sequence, guest_ns, touched_pages)`` of an answer; None for anything else."""
        if len(data) != REPLY.size:
            return None
        magic, sequence, _send_ns, guest_ns, touched_pages = REPLY.unpack(data)
        return (sequence, guest_ns, touched_pages) if magic == MAGIC else None


class IcmpEcho:
    """Echo requests, which the kernel of any guest answers.

    Linux has an unprivileged socket for them where net.ipv4.ping_group_range admits the caller's group; elsewhere it
    takes a raw socket and the right to open one.  Raises PermissionError where neither may be had.
    """

    def __init__(self, address: str) -> None:
        family, _kind, _protocol, _name, target = _resolve(address, 0)
        protocol, self._asks, self._answers = _ICMP[socket.AddressFamily(family)]
        # A raw socket sees the answers to everybody; the unprivileged one gets a number of its own from the kernel.
        self._identifier = os.getpid() & 0xFFFF
        self._is_raw = False
        try:
            self.link = socket.socket(family, socket.SOCK_DGRAM, protocol)
        except PermissionError:
            self.link = socket.socket(family, socket.SOCK_RAW, protocol)
            self._is_raw = True
        self._has_ip_header = self._is_raw and family == socket.AF_INET
        self.link.connect(target)

    def request(self, sequence: int, send_ns: int) -> bytes:
        """The packet of one probe; its 16 bits of sequence would soon be used up, so the payload has the number."""
        payload = REQUEST.pack(MAGIC, sequence, send_ns)
        short = sequence & 0xFFFF
        checksum = _checksum(_ICMP_HEADER.pack(self._asks, 0, 0, self._identifier, short) + payload)
        return _ICMP_HEADER.pack(self._asks, 0, checksum, self._identifier, short) + payload

    def reply(self, data: bytes) -> tuple[int, int | None, int | None] | None:
        """``(sequence, None, None)`` of an answer to one of our probes; None for anything else."""
        if self._has_ip_header:
            data = data[4 * (data[0] & 0xF) :]
        if len(data) != _ICMP_HEADER.size + REQUEST.size:
            return None
        kind, _code, _sum, identifier, _short = _ICMP_HEADER.unpack_from(data)
        magic, sequence, _send_ns = REQUEST.unpack_from(data, _ICMP_HEADER.size)
        if kind != self._answers or magic != MAGIC or (self._is_raw and identifier != self._identifier):
            return None
        return sequence, None, None


PROTOCOLS: dict[str, type[UdpEcho] | type[IcmpEcho]] = {"udp": UdpEcho, "icmp": IcmpEcho}


def main(address: str, protocol: str, period_ms: float) -> None:
    """Probe until standard input ends, wait a moment for late replies, print."""
    with contextlib.suppress(OSError, AttributeError):
        # A probe that waits for the CPU would count the observer's own load as an outage of the guest.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    echo = PROTOCOLS[protocol](address)
    echo.link.setblocking(False)
    echoes: list[list[int | None]] = []
    period_ns = int(period_ms * 1e6)
    next_ns = time.monotonic_ns()
    ends_ns = None
    while ends_ns is None or time.monotonic_ns() < ends_ns:
        watched = [echo.link] if ends_ns else [echo.link, sys.stdin]
        timeout = max(0.0, (next_ns - time.monotonic_ns()) / 1e9)
        readable = select.select(watched, [], [], timeout)[0]
        if echo.link in readable:
            _receive(echo, echoes)
        if sys.stdin in readable:
            ends_ns = time.monotonic_ns() + int(_LAST_WORDS_SECONDS * 1e9)
        if ends_ns is None and time.monotonic_ns() >= next_ns:
            _send(echo, echoes)
            # After a pause of the observer itself the schedule goes on from now: a burst would only add queueing.
            next_ns = max(next_ns + period_ns, time.monotonic_ns())
        elif ends_ns is not None:
            next_ns = ends_ns
    json.dump(echoes, sys.stdout)


def _resolve(address: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    return socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]


def _send(echo: UdpEcho | IcmpEcho, echoes: list[list[int | None]]) -> None:
    send_ns = time.monotonic_ns()
    # ICMP errors and a missing neighbour surface here: the probe counts as sent and lost.
    with contextlib.suppress(OSError):
        echo.link.send(echo.request(len(echoes), send_ns))
    echoes.append([send_ns, None, None, None])


def _receive(echo: UdpEcho | IcmpEcho, echoes: list[list[int | None]]) -> None:
    while True:
        try:
            data = echo.link.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            continue
        receive_ns = time.monotonic_ns()
        found = echo.reply(data)
        if found is not None and found[0] < len(echoes) and echoes[found[0]][1] is None:
            echoes[found[0]][1:] = [receive_ns, found[1], found[2]]


def _checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
