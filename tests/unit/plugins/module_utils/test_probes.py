# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network probe against a real kernel: this machine's own, by its loopback interface."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes import _prober
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._network import NetworkProbe
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of

PROBED_SECONDS = 0.5

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a network of one's own takes root")


def probed(address: str, protocol: str, prefix: Sequence[str] = ()) -> list[list[Any]]:
    """What the prober says of an address; it is run by a command that begins with *prefix*."""
    command = [*prefix, sys.executable, "-c", source_of(_prober), address, protocol, "5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as prober:
        time.sleep(PROBED_SECONDS)
        output, _errors = prober.communicate(timeout=10)
    assert prober.returncode == 0
    echoes: list[list[Any]] = json.loads(output)
    return echoes


def assert_answered_by_a_kernel(echoes: list[list[Any]]) -> None:
    # The machine may be busy: what comes is what counts, not how many.
    assert len(echoes) > 10
    answered = [echo for echo in echoes if echo[1] is not None]
    assert len(answered) > len(echoes) / 2
    assert all(send < receive for send, receive, _guest, _touched in answered)
    assert all(echo[2:] == [None, None] for echo in echoes)
    assert [echo[0] for echo in echoes] == sorted(echo[0] for echo in echoes)


@needs_root
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_kernel_answers_icmp_over_a_raw_socket(address: str) -> None:
    assert_answered_by_a_kernel(probed(address, "icmp"))


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="the command unshare is not here")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("groups", ["0 0", "1 0"])
def test_kernel_answers_icmp_whichever_socket_it_permits(address: str, groups: str) -> None:
    prepare = f'ip link set lo up && echo {groups} > /proc/sys/net/ipv4/ping_group_range && exec "$@"'
    assert_answered_by_a_kernel(probed(address, "icmp", ["unshare", "--net", "sh", "-ec", prepare, "sh"]))


def test_unprivileged_socket_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Socket:
        def __init__(self, _family: int, kind: int, _protocol: int) -> None:
            asked.append(kind)
            raise PermissionError

    monkeypatch.setattr(_prober.socket, "socket", Socket)
    with pytest.raises(PermissionError):
        _prober.IcmpEcho("127.0.0.1")
    assert asked == [_prober.socket.SOCK_DGRAM, _prober.socket.SOCK_RAW]


@needs_root
def test_answers_to_others_are_not_taken_for_ours() -> None:
    echo = _prober.IcmpEcho("127.0.0.1")
    echo.link.close()
    header = bytes([0x45]) + bytes(19) if echo._has_ip_header else b""
    asked = bytearray(echo.request(70_000, 1))
    assert echo.reply(header + bytes(asked)) is None, "a request is no answer"
    asked[0] = 0
    assert echo.reply(header + bytes(asked)) == (70_000, None, None)
    assert echo.reply(header + bytes(asked) + b"x") is None
    if echo._is_raw:
        asked[4] ^= 0xFF
        assert echo.reply(header + bytes(asked)) is None, "another process asked"


def test_checksum_is_that_of_rfc_1071() -> None:
    # The example of the RFC's section 3.
    assert _prober._checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_workload_guest_answers_with_its_clock_and_nobody_else_does() -> None:
    reply = _prober.REPLY.pack(_prober.MAGIC, 7, 1, 123, 456)
    assert _prober.UdpEcho.reply(reply) == (7, 123, 456)
    assert _prober.UdpEcho.reply(reply[:-1]) is None
    assert _prober.UdpEcho.reply(b"MSTS" + reply[4:]) is None


def test_observer_that_may_not_probe_is_told_before_a_guest_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(_prober.socket, "socket", refused)
    with pytest.raises(InstrumentError, match="ping_group_range"), NetworkProbe("127.0.0.1", "icmp"):
        pass


def test_address_that_is_none_is_named() -> None:
    with (
        pytest.raises(InstrumentError, match="'?db1.example'?.* cannot be probed"),
        NetworkProbe("db1.example", "icmp"),
    ):
        pass
