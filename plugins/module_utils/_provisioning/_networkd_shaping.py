# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Rate and delay of what a virtual machine sends, as sections of systemd-networkd's file for the interface.

They make the very disciplines that `_shaping` makes with tc, so the instrument finds what it knows and can put back.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._token_bucket import (
    HTB_QUANTUM_BYTES,
    Shape,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _shaping

_KIB = 1024


def sections(shape: Shape | None, delay_ms: float, mtu: int) -> str:
    """Empty where nothing is limited; a delay comes first, and the bucket works behind it."""
    parts: list[str] = []
    place = ["Parent=root", "Handle=0001"]
    if delay_ms > 0:
        packets = _shaping.queue_packets(shape, delay_ms, mtu)
        parts.append(_section("NetworkEmulator", [*place, f"DelaySec={delay_ms:g}ms", f"PacketLimit={packets}"]))
        # networkd waits for a class 1:1 for ever, which netem never announces; its own handle will do as well.
        place = ["Parent=1:0", "Handle=0010"]
    if shape is not None:
        parts += _bucket(shape, place)
    return "".join(parts)


def _bucket(shape: Shape, place: Sequence[str]) -> list[str]:
    rate = f"Rate={round(shape.rate_mbit_per_second * 1e6)}"
    burst_bytes = shape.burst_kib * _KIB
    if shape.kind == "tbf":
        latency = f"LatencySec={shape.latency_ms}ms"
        return [_section("TokenBucketFilter", [*place, rate, f"BurstBytes={burst_bytes}", latency])]
    # tc and networkd both take handles for hexadecimal.
    major = int(place[1].partition("=")[2], 16)
    bursts = [f"BufferBytes={burst_bytes}", f"CeilBufferBytes={burst_bytes}", f"QuantumBytes={HTB_QUANTUM_BYTES}"]
    return [
        _section("HierarchyTokenBucket", [*place, "DefaultClass=1"]),
        _section("HierarchyTokenBucketClass", ["Parent=root", f"ClassId={major:x}:1", rate, *bursts]),
    ]


def _section(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"\n[{name}]", *lines]) + "\n"
