# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration link, slowed down for a measurement: what this host sends is limited, and the limit is taken back."""

from __future__ import annotations

import contextlib
import inspect
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from . import _restorer
from ._errors import AgentError
from ._token_bucket import (
    Shape,
    bucket_commands,
    choose_shape,
    htb_rate_mbit_per_second,
    tbf_arguments,
)

# Disciplines that the kernel gives an interface by itself; then their handle is 0:.
_KERNELS_OWN = ("noqueue", "pfifo_fast", "fq_codel", "fq", "mq")
_OUR_HANDLE = "5354:"
# All that is known of a tbf if it can be put back as it was.
_TBF_OPTIONS = {"rate", "burst", "burst_raw", "lat", "limit", "limit_raw", "mpu", "linklayer"}
_FASTEST_TBF_MBIT_PER_SECOND = 5_000
_TOLERANCE = 0.01
_RESTORE_SECONDS = 20


@dataclass(frozen=True)
class Plan:
    """Arguments of tc that limit a link, and those that put back what was there."""

    limit: Sequence[Sequence[str]]
    restore: Sequence[Sequence[str]]


def plan(
    interface: str, disciplines: Sequence[Any], classes: str, rate_mbit_per_second: float, speed: float | None
) -> Plan:
    """How to limit an interface.

    Given are the answers of `tc -json qdisc show` and `tc class show`, and its own *speed* (Mbit/s) if that is known.
    A bucket of ours that is there already is changed or made again.  Raises AgentError for what could not be put back.
    """
    root: dict[str, Any] = next((entry for entry in disciplines if entry.get("root")), {})
    bucket = next((entry for entry in disciplines if entry.get("kind") == "tbf"), None)
    if bucket is not None and root.get("kind") in ("tbf", "netem") and set(bucket["options"]) <= _TBF_OPTIONS:
        _refuse_higher(interface, rate_mbit_per_second, bucket["options"]["rate"] * 8 / 1e6)
        return _changed(interface, bucket, rate_mbit_per_second)
    fast = htb_rate_mbit_per_second(classes)
    if root.get("kind") == "htb" and fast is not None and choose_shape(fast).kind == "htb":
        _refuse_higher(interface, rate_mbit_per_second, fast)
        return _replaced(interface, ["root", "handle", root["handle"]], fast, rate_mbit_per_second)
    if root.get("kind") not in _KERNELS_OWN or root.get("handle") != "0:":
        raise AgentError(
            f"The interface {interface} has the queueing discipline {root.get('kind', 'of no kind')}, which is not the "
            "kernel's own and could not be put back as it was: remove it, or measure at the link's own rate."
        )
    _refuse_higher(interface, rate_mbit_per_second, speed)
    commands = bucket_commands(interface, choose_shape(rate_mbit_per_second), ["root", "handle", _OUR_HANDLE])
    return Plan(commands, [["qdisc", "delete", "dev", interface, "root"]])


def _changed(interface: str, bucket: dict[str, Any], rate_mbit_per_second: float) -> Plan:
    place = ["root"] if bucket.get("root") else ["parent", bucket["parent"]]
    change = ["qdisc", "change", "dev", interface, *place, "handle", bucket["handle"]]
    shape = choose_shape(min(rate_mbit_per_second, _FASTEST_TBF_MBIT_PER_SECOND))
    limited = tbf_arguments(Shape("tbf", rate_mbit_per_second, shape.burst_kib, shape.latency_ms))
    options = bucket["options"]
    former = ["rate", f"{options['rate'] * 8}bit", "burst", str(options["burst"]), "limit", str(options["limit"])]
    return Plan([[*change, *limited]], [[*change, "tbf", *former]])


def _replaced(interface: str, place: Sequence[str], former: float, rate_mbit_per_second: float) -> Plan:
    """A fast testbed's bucket, of another kind than a slower one's, gives way and is made again."""
    delete = ["qdisc", "delete", "dev", interface, "root"]
    return Plan(
        [delete, *bucket_commands(interface, choose_shape(rate_mbit_per_second), place)],
        [delete, *bucket_commands(interface, choose_shape(former), place)],
    )


def _refuse_higher(interface: str, rate_mbit_per_second: float, there: float | None) -> None:
    if there is not None and rate_mbit_per_second > there * (1 + _TOLERANCE):
        raise AgentError(
            f"The interface {interface} carries {there:g} Mbit/s, but {rate_mbit_per_second:g} Mbit/s are asked for: "
            "a link can only be made slower than it is."
        )


class LinkLimit:
    """A limit of what *interface* sends, from its making until :meth:`lift` or the end of this process."""

    def __init__(self, interface: str, rate_mbit_per_second: float) -> None:
        self._interface = interface
        self._tc = shutil.which("tc", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if self._tc is None:
            raise AgentError("The host has no tc, by which its link is limited: install the package iproute2 there.")
        classes = self._run("class", "show", "dev", interface)
        speed = _speed_mbit_per_second(interface)
        planned = plan(interface, self._disciplines(), classes, rate_mbit_per_second, speed)
        self._restorer = subprocess.Popen(
            [sys.executable, "-c", inspect.getsource(_restorer), json.dumps([[self._tc, *c] for c in planned.restore])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # What ends the agent must not end what cleans up after it.
            start_new_session=True,
        )
        try:
            for command in planned.limit:
                self._run(*command)
            self._check(rate_mbit_per_second)
        except AgentError:
            # Why it could not be limited says more than why a limit that is not there cannot be taken back.
            with contextlib.suppress(AgentError):
                self.lift()
            raise

    def lift(self) -> None:
        """Put back what was there."""
        _output, complaints = self._restorer.communicate(timeout=_RESTORE_SECONDS)
        if self._restorer.returncode:
            words = complaints.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise AgentError(
                f"The limit of {self._interface} could not be taken back ({words[-1]}): look at it with tc qdisc show "
                f"dev {self._interface}."
            )

    def _check(self, rate_mbit_per_second: float) -> None:
        """Read back; htb, which has no JSON form, is believed."""
        rates = [entry["options"]["rate"] * 8 / 1e6 for entry in self._disciplines() if entry.get("kind") == "tbf"]
        if any(abs(rate - rate_mbit_per_second) > _TOLERANCE * rate_mbit_per_second for rate in rates):
            raise AgentError(
                f"{self._interface} was to be limited to {rate_mbit_per_second:g} Mbit/s, but tc reads back "
                f"{rates[0]:g}: the host's kernel cannot do that."
            )

    def _disciplines(self) -> list[Any]:
        found: list[Any] = json.loads(self._run("-raw", "-json", "qdisc", "show", "dev", self._interface))
        return found

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([str(self._tc), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            words = done.stderr.strip().splitlines() or ["no reason given"]
            raise AgentError(
                f"The link of {self._interface} could not be limited ({words[-1]}): check migration_interface and that "
                "the host may shape its traffic."
            )
        return done.stdout


def _speed_mbit_per_second(interface: str) -> float | None:
    """What the NIC says of itself; virtual ones say nothing."""
    try:
        speed = int(Path("/sys/class/net", interface, "speed").read_text())
    except (OSError, ValueError):
        return None
    return speed if speed > 0 else None
