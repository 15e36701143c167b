# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""UDP echo with the guest's clock and progress."""

from __future__ import annotations

import socket
import struct
import time

import pytest
from guest.machine import Machine

pytestmark = pytest.mark.guest

_PROBES = 200
_LOST_AT_MOST = 10


def _answers(echo: socket.socket) -> list[bytes]:
    """Send probes one after the other; UDP may lose a few, and there is no use in going on when it loses many."""
    answers: list[bytes] = []
    for sequence in range(_PROBES):
        answer = _probe(echo, sequence)
        if answer is not None:
            answers.append(answer)
        assert sequence + 1 - len(answers) <= _LOST_AT_MOST
    return answers


def _probe(echo: socket.socket, sequence: int) -> bytes | None:
    """Return the answer to one probe; None when it is lost, which UDP may do."""
    echo.send(struct.pack("<4sIQ48x", b"STSM", sequence, time.monotonic_ns()))
    try:
        while True:
            answer = echo.recv(2048)
            if struct.unpack_from("<I", answer, 4)[0] == sequence:
                return answer
    except TimeoutError:
        return None


@pytest.fixture
def echo(guest: Machine) -> socket.socket:
    """A socket that speaks to the guest."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.connect(("127.0.0.1", guest.echo_port))
    probe.settimeout(1.0)
    return probe


def test_echo_brings_clock_and_progress(guest: Machine, echo: socket.socket) -> None:
    guest.command("configure", rate_mib_per_second=500, pattern="sequential")
    with echo:
        answers = _answers(echo)
    assert {len(answer) for answer in answers} == {64}
    fields = [struct.unpack("<4sIQQQ32s", answer) for answer in answers]
    assert {field[0] for field in fields} == {b"STSM"}
    assert all(field[5] == bytes(32) for field in fields)
    guest_ns = [field[3] for field in fields]
    touched = [field[4] for field in fields]
    assert guest_ns == sorted(guest_ns)
    assert touched == sorted(touched)
    assert touched[-1] > touched[0]


def test_echo_is_not_starved_by_the_touch_loop(guest: Machine, echo: socket.socket) -> None:
    guest.command("configure", rate_mib_per_second=0, pattern="sequential")
    with echo:
        _answers(echo)
    guest.command("configure", pattern="idle")


def test_foreign_packets_are_not_answered(echo: socket.socket) -> None:
    echo.settimeout(0.3)
    with echo:
        echo.send(b"XTSM" + bytes(60))
        with pytest.raises(TimeoutError):
            echo.recv(2048)
