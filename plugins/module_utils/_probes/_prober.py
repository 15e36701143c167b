# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network probe's own process: sends a time-stamped datagram every period and keeps what comes back.

Run as ``python -c SOURCE ADDRESS PORT PERIOD_MS`` with the standard library only, apart from the instrument's own
process so that nothing there delays a probe.  Ends at the end of its standard input, then prints one JSON array of
``[send_ns, receive_ns | null, guest_ns | null, touched_pages | null]`` in order of sending; times are CLOCK_MONOTONIC.
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

MAGIC = b"STSM"
REQUEST = struct.Struct("<4sIQ48x")
REPLY = struct.Struct("<4sIQQQ32x")
_LAST_WORDS_SECONDS = 0.3


def main(address: str, port: int, period_ms: float) -> None:
    """Probe until standard input ends, wait a moment for late replies, print."""
    with contextlib.suppress(OSError, AttributeError):
        # A probe that waits for the CPU would count the observer's own load as an outage of the guest.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    link = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    link.setblocking(False)
    link.connect((address, port))
    echoes: list[list[int | None]] = []
    period_ns = int(period_ms * 1e6)
    next_ns = time.monotonic_ns()
    ends_ns = None
    while ends_ns is None or time.monotonic_ns() < ends_ns:
        watched = [link] if ends_ns else [link, sys.stdin]
        timeout = max(0.0, (next_ns - time.monotonic_ns()) / 1e9)
        readable = select.select(watched, [], [], timeout)[0]
        if link in readable:
            _receive(link, echoes)
        if sys.stdin in readable:
            ends_ns = time.monotonic_ns() + int(_LAST_WORDS_SECONDS * 1e9)
        if ends_ns is None and time.monotonic_ns() >= next_ns:
            _send(link, echoes)
            # After a pause of the observer itself the schedule goes on from now: a burst would only add queueing.
            next_ns = max(next_ns + period_ns, time.monotonic_ns())
        elif ends_ns is not None:
            next_ns = ends_ns
    json.dump(echoes, sys.stdout)


def _send(link: socket.socket, echoes: list[list[int | None]]) -> None:
    send_ns = time.monotonic_ns()
    # ICMP errors and a missing neighbour surface here: the probe counts as sent and lost.
    with contextlib.suppress(OSError):
        link.send(REQUEST.pack(MAGIC, len(echoes), send_ns))
    echoes.append([send_ns, None, None, None])


def _receive(link: socket.socket, echoes: list[list[int | None]]) -> None:
    while True:
        try:
            data = link.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            continue
        receive_ns = time.monotonic_ns()
        if len(data) != REPLY.size:
            continue
        magic, sequence, _send_ns, guest_ns, touched_pages = REPLY.unpack(data)
        if magic == MAGIC and sequence < len(echoes) and echoes[sequence][1] is None:
            echoes[sequence][1:] = [receive_ns, guest_ns, touched_pages]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
