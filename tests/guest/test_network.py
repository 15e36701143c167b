# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest says whose its address is before anybody asks."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import Machine

pytestmark = pytest.mark.guest

_ETHERTYPE_ARP = 0x0806


def _frames(capture: bytes) -> Iterator[bytes]:
    """The frames of a capture in the classic format of little-endian machines."""
    at = 24
    while at + 16 <= len(capture):
        length = struct.unpack_from("<I", capture, at + 8)[0]
        yield capture[at + 16 : at + 16 + length]
        at += 16 + length


def test_it_announces_its_address_when_it_comes_up(image: Path, tmp_path: Path) -> None:
    capture = tmp_path / "frames.pcap"
    dump = ("-object", f"filter-dump,id=frames,netdev=tenant,file={capture}")
    machine = Machine(image, tmp_path, working_set_mib=16, arguments=dump)
    try:
        machine.wait_until_ready()
    finally:
        machine.stop()
    arp = [frame for frame in _frames(capture.read_bytes()) if frame[12:14] == _ETHERTYPE_ARP.to_bytes(2, "big")]
    address = socket.inet_aton("10.0.2.15")
    # Sender and target are the same address, and the frame goes to everybody.
    assert any(frame[:6] == b"\xff" * 6 and frame[28:32] == frame[38:42] == address for frame in arp)
