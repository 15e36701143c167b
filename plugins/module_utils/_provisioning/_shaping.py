# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Rate and delay of a cable, set with tc on both of its ends and read back.

The end outside limits what the host receives, the end inside what it sends, so neither several senders nor several
receivers get more than the link has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._token_bucket import (
    Shape,
    bucket_commands,
    choose_shape,
    htb_rate_mbit_per_second,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run

_KIB = 1024
# The kernel keeps rates and bursts in coarser steps than they are given in.
_TOLERANCE = 0.01


@dataclass(frozen=True)
class End:
    """One end of a cable: `namespace` None is the provisioner's own."""

    device: str
    namespace: Path | None

    def tc(self, *arguments: str) -> str:
        enter = [] if self.namespace is None else ["nsenter", f"--net={self.namespace}"]
        return run([*enter, "tc", *arguments])


def queue_packets(shape: Shape | None, delay_ms: float, mtu: int) -> int:
    """Room for what is under way at full speed, twice; unlimited links get that of 10 Gb/s."""
    rate = shape.rate_mbit_per_second if shape is not None else 10_000
    return max(1_000, int(2 * rate * delay_ms * 1_000 / 8 / mtu))


def set_commands(device: str, shape: Shape | None, delay_ms: float, mtu: int) -> list[list[str]]:
    """Arguments of tc that give `device` its shape; a delay comes first, and the bucket works behind it."""
    commands: list[list[str]] = []
    parent = ["root", "handle", "1:"]
    if delay_ms > 0:
        packets = queue_packets(shape, delay_ms, mtu)
        netem = ["qdisc", "add", "dev", device, *parent, "netem", "delay", f"{delay_ms:g}ms", "limit", str(packets)]
        commands.append(netem)
        parent = ["parent", "1:1", "handle", "10:"]
    return commands if shape is None else commands + bucket_commands(device, shape, parent)


def is_shaped(end: End, rate_mbit_per_second: float | None, delay_ms: float) -> bool:
    """Whether tc reads back what was asked for."""
    disciplines = json.loads(end.tc("-json", "qdisc", "show", "dev", end.device))
    classes = end.tc("class", "show", "dev", end.device)
    return matches(disciplines, classes, rate_mbit_per_second, delay_ms)


def matches(disciplines: Sequence[Any], classes: str, rate_mbit_per_second: float | None, delay_ms: float) -> bool:
    """Compare `tc -json qdisc show` and `tc class show` (whose JSON form has no htb) with what was asked for."""
    found = {entry["kind"]: entry.get("options", {}) for entry in disciplines if entry}
    if rate_mbit_per_second is None and delay_ms == 0:
        return not {"tbf", "htb", "netem"} & set(found)
    if ("netem" in found) != (delay_ms > 0):
        return False
    if delay_ms > 0 and not _close(found["netem"]["delay"]["delay"] * 1_000, delay_ms):
        return False
    if rate_mbit_per_second is None:
        return not {"tbf", "htb"} & set(found)
    shape = choose_shape(rate_mbit_per_second)
    if shape.kind == "tbf" and "tbf" in found:
        # tc gives bytes per second.
        rate = found["tbf"]["rate"] * 8 / 1e6
        return _close(rate, shape.rate_mbit_per_second) and _close(found["tbf"]["burst"], shape.burst_kib * _KIB)
    shown = htb_rate_mbit_per_second(classes)
    return shape.kind == "htb" and "htb" in found and shown is not None and _close(shown, shape.rate_mbit_per_second)


def set_shape(end: End, rate_mbit_per_second: float | None, delay_ms: float, mtu: int) -> None:
    """Replace whatever shapes the end, then read back; MachineError if the kernel made something else of it."""
    shape = None if rate_mbit_per_second is None else choose_shape(rate_mbit_per_second)
    present = json.loads(end.tc("-json", "qdisc", "show", "dev", end.device))
    # One that the kernel gave the device by itself has no handle, and gives way without being deleted.
    if any(entry.get("root") and entry["handle"] != "0:" for entry in present):
        end.tc("qdisc", "delete", "dev", end.device, "root")
    for arguments in set_commands(end.device, shape, delay_ms, mtu):
        end.tc(*arguments)
    if not is_shaped(end, rate_mbit_per_second, delay_ms):
        read = end.tc("qdisc", "show", "dev", end.device).strip()
        raise MachineError(
            f"{end.device} was to carry {rate_mbit_per_second} Mbit/s with {delay_ms:g} ms of delay, "
            f"but tc reads back: {read}"
        )


def check_delay_is_possible(network: str, delay_ms: float) -> None:
    """Refuse a delay by name where the kernel cannot delay packets; tried in a network namespace that ends at once."""
    if delay_ms == 0:
        return
    try:
        run(["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"])
    except MachineError as error:
        raise MachineError(
            f"network {network} asks for delay_ms {delay_ms:g}, but this kernel has no netem to delay packets with: "
            "set delay_ms to 0 or use a kernel with CONFIG_NET_SCH_NETEM"
        ) from error


def _close(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= _TOLERANCE * wanted
