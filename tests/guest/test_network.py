# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest is heard of on its network before anybody asks."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import Machine

pytestmark = pytest.mark.guest

_ETHERTYPE_ARP, _ETHERTYPE_IPV4, _UDP = 0x0806, 0x0800, 17
_EVERYBODY = b"\xff" * 6
_BEACONS, _PATIENCE_SECONDS = 5, 30


def _frames(capture: bytes) -> Iterator[bytes]:
    """The whole frames of a capture in the classic format of little-endian machines, which may still grow."""
    at = 24
    while at + 16 <= len(capture):
        length = struct.unpack_from("<I", capture, at + 8)[0]
        frame = capture[at + 16 : at + 16 + length]
        if len(frame) < length:
            return
        yield frame
        at += 16 + length


def _beacons(frames: list[bytes]) -> list[bytes]:
    """What goes to everybody's port 9."""
    kind = _ETHERTYPE_IPV4.to_bytes(2, "big")
    sent = [frame for frame in frames if frame[:6] == _EVERYBODY and frame[12:14] == kind and frame[23] == _UDP]
    return [frame for frame in sent if frame[36:38] == (9).to_bytes(2, "big")]


def test_it_announces_its_address_and_is_heard_of_ever_after(image: Path, tmp_path: Path) -> None:
    capture = tmp_path / "frames.pcap"
    dump = ("-object", f"filter-dump,id=frames,netdev=tenant,file={capture}")
    machine = Machine(image, tmp_path, working_set_mib=16, arguments=dump)
    try:
        machine.wait_until_ready()
        frames, deadline = list(_frames(capture.read_bytes())), time.monotonic() + _PATIENCE_SECONDS
        while len(_beacons(frames)) < _BEACONS:
            assert time.monotonic() < deadline, "the guest was not heard of"
            frames = list(_frames(capture.read_bytes()))
    finally:
        machine.stop()
    arp = [frame for frame in frames if frame[12:14] == _ETHERTYPE_ARP.to_bytes(2, "big")]
    address = socket.inet_aton("10.0.2.15")
    # Sender and target are the same address.
    assert any(frame[:6] == _EVERYBODY and frame[28:32] == frame[38:42] == address for frame in arp)
