# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Token buckets that carry a rate exactly, and the arguments of tc that make one.

Used where a testbed's cables are made and where a host limits its own link for a measurement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

# One packet per turn of the scheduler at full speed; htb's own guess is out of range at 10 Gb/s.
HTB_QUANTUM_BYTES = 60_000
_UNITS = {"bit": 1, "Kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9}
_TBF = ((100, 32, 50), (1_000, 128, 20), (2_500, 512, 10), (5_000, 1024, 10))


@dataclass(frozen=True)
class Shape:
    """A token bucket: `kind` tbf (with its longest queue) or htb, which needs far smaller bursts at high rates."""

    kind: str
    rate_mbit_per_second: float
    burst_kib: int
    latency_ms: int | None


def choose_shape(rate_mbit_per_second: float) -> Shape:
    """The settings that carried the rate exactly (within 0.1 % of rate x payload / frame) in a single TCP stream."""
    for limit, burst_kib, latency_ms in _TBF:
        if rate_mbit_per_second <= limit:
            return Shape("tbf", rate_mbit_per_second, burst_kib, latency_ms)
    return Shape("htb", rate_mbit_per_second, 1024, None)


def tbf_arguments(shape: Shape) -> list[str]:
    """The discipline tbf as tc takes it."""
    burst, latency = f"{shape.burst_kib}kb", f"{shape.latency_ms}ms"
    return ["tbf", "rate", f"{shape.rate_mbit_per_second:g}mbit", "burst", burst, "latency", latency]


def bucket_commands(device: str, shape: Shape, place: Sequence[str]) -> list[list[str]]:
    """Arguments of tc that add the bucket at a `place`, such as root handle 1:, of which the handle is the last."""
    if shape.kind == "tbf":
        return [["qdisc", "add", "dev", device, *place, *tbf_arguments(shape)]]
    handle, rate, burst = place[-1], f"{shape.rate_mbit_per_second:g}mbit", f"{shape.burst_kib}kb"
    htb = ["htb", "rate", rate, "burst", burst, "cburst", burst, "quantum", str(HTB_QUANTUM_BYTES)]
    return [
        ["qdisc", "add", "dev", device, *place, "htb", "default", "1"],
        ["class", "add", "dev", device, "parent", handle, "classid", f"{handle}1", *htb],
    ]


def htb_rate_mbit_per_second(classes: str) -> float | None:
    """The rate of the one class that `tc class show` tells of (its JSON form has no htb); None for any other answer."""
    shown = re.findall(r"class htb \S+ .*rate ([0-9.]+)([KMG]?bit) ceil", classes)
    return float(shown[0][0]) * _UNITS[shown[0][1]] / 1e6 if len(shown) == 1 else None
