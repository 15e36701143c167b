# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What travels between the tests' hosts, and whether pages of a workload guest can be read in it."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType

_ETH_P_ALL, _SO_RCVBUFFORCE, _BUFFER_BYTES, _FRAME_BYTES = 3, 33, 256 << 20, 1 << 17
_WORD, _GOLDEN_RATIO, _TAIL_GENERATION = (1 << 64) - 1, 0x9E3779B97F4A7C15, (1 << 64) - 1
_HEADER_BYTES, _PAGE_BYTES = 24, 4096


class Capture:
    """All that passes an interface of this machine within the context, as ``data``."""

    def __init__(self, interface: str) -> None:
        self.data = bytearray()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self._socket.bind((interface, _ETH_P_ALL))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                self.data += self._socket.recv(_FRAME_BYTES)
            except TimeoutError:
                continue


def marker(page: int, seed: int = 1, bytes_per_touch: int = 64) -> bytes:
    """The first 64 bytes of a page of the workload guest that no touch ever changes.

    As the guest's page.c writes them at eight bits of entropy a byte: nobody else has them.
    """
    key = _mix((_mix((seed + _GOLDEN_RATIO) & _WORD) + page * _GOLDEN_RATIO) & _WORD)
    state = _mix((key + _TAIL_GENERATION * _GOLDEN_RATIO) & _WORD) | 1
    touched_words = (bytes_per_touch - _HEADER_BYTES) // 8
    assert touched_words < (_PAGE_BYTES - _HEADER_BYTES) // 8
    words = []
    for _word in range(8):
        state = _xorshift(state)
        words.append(state)
    return struct.pack("<8Q", *words)


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _WORD
    return value ^ (value >> 31)


def _xorshift(state: int) -> int:
    state ^= (state << 13) & _WORD
    state ^= state >> 7
    return state ^ ((state << 17) & _WORD)


def pages_in(data: bytes | bytearray, pages: range) -> list[int]:
    """Those of the guest's pages that can be read in what was captured."""
    return [page for page in pages if marker(page) in data]
