# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A paced stream of datagrams over a network, each end in a process of its own.

Run as ``python -c SOURCE send ADDRESS PORT SOURCE_ADDRESS MBIT_PER_SECOND`` or ``… receive ADDRESS PORT``.  Says
``ready`` once it can; ends at the end of its standard input and then prints one JSON object: the sender
``{"seconds", "frame_share"}`` (a frame's bytes over those of its payload), the receiver ``{"bytes"}`` of payload.

Datagrams do not yield to the streams beside them as TCP would: what is asked for is what is there.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time

# Numbers of Linux that Python has no names for.
_IP_MTU, _IPV6_MTU = 14, 24
_UDP_SEGMENT, _UDP_GRO = 103, 104
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
# More than a full queue of the link's shaper holds, which would otherwise block the sender.
_BUFFER_BYTES = 16 << 20
_HEADER_BYTES = {socket.AF_INET: 28, socket.AF_INET6: 48}
_ETHERNET_BYTES = 14
_MOST_BYTES = 65_000
_MOST_SEGMENTS = 64
# How much of the stream goes out at once, and how much is made up for after a pause of the machine.
_BURST_SECONDS = 0.002
_BACKLOG_SECONDS = 0.1
_LAST_LOOK_SECONDS = 0.1


def send(address: str, port: int, source_address: str, mbit_per_second: float) -> dict[str, float]:
    """Send until standard input ends; the rate is that of whole frames, as the link counts them."""
    link = _socket(source_address, 0)
    link.connect((address, port))
    link.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER_BYTES)
    payload = _mtu(link) - _HEADER_BYTES[link.family]
    frame = payload + _HEADER_BYTES[link.family] + _ETHERNET_BYTES
    bytes_per_second = mbit_per_second * 1e6 / 8
    segments = max(1, min(_MOST_SEGMENTS, _MOST_BYTES // payload, int(bytes_per_second * _BURST_SECONDS / frame)))
    # The kernel cuts one large write into datagrams, which costs the host far less than as many calls would.
    link.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, payload)
    burst, burst_seconds = bytes(segments * payload), segments * frame / bytes_per_second
    say("ready")
    began = due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        # The peer may not be there yet or no more, and a queue may be full: that shows in what arrives.
        with contextlib.suppress(OSError):
            link.send(burst)
        due = max(due + burst_seconds, time.monotonic() - _BACKLOG_SECONDS)
    return {"seconds": time.monotonic() - began, "frame_share": frame / payload}


def receive(address: str, port: int) -> dict[str, int]:
    """Count what arrives until standard input ends."""
    link = _socket(address, port)
    link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    link.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
    buffer, received = bytearray(1 << 16), 0
    say("ready")
    ends_at = None
    while True:
        readable = select.select([link, sys.stdin] if ends_at is None else [link], [], [], _LAST_LOOK_SECONDS)[0]
        if link in readable:
            received += link.recv_into(buffer)
        if sys.stdin in readable:
            ends_at = time.monotonic() + _LAST_LOOK_SECONDS
        # What is still in the buffer counts, but a sender that goes on is not waited for.
        if ends_at is not None and (link not in readable or time.monotonic() > ends_at):
            return {"bytes": received}


def _socket(address: str, port: int) -> socket.socket:
    link = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((address, port))
    return link


def _mtu(link: socket.socket) -> int:
    """What the path of a connected socket carries in one packet."""
    if link.family == socket.AF_INET6:
        return link.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
    return link.getsockopt(socket.IPPROTO_IP, _IP_MTU)


def main(role: str, address: str, port: str, *rest: str) -> None:
    """Take one end of the stream and tell what became of it."""
    if role == "receive":
        say(json.dumps(receive(address, int(port))))
    else:
        say(json.dumps(send(address, int(port), rest[0], float(rest[1]))))


def say(line: str) -> None:
    """Tell the process that started this one a line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
