# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters sampled while a guest migrates: bytes on the migration interface, CPU time of its QEMU's threads."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Callable

from ._clock import now_ns
from ._daemon import daemon_spent
from ._errors import AgentError
from ._launcher import folder_of
from ._libvirt_places import places

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Sampler:
    """A thread that hands out one notice of each kind every *period_seconds* until it is stopped."""

    def __init__(self, notify: Callable[..., None], interface: str, guest: str, period_seconds: float = 0.05) -> None:
        self._notify = notify
        self._interface = interface
        self._guest = guest
        self._period_seconds = period_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        try:
            interface_bytes(self._interface)
        except OSError:
            raise AgentError(
                f"There is no interface {self._interface} whose bytes could be counted: set migration_interface."
            ) from None
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._sample()
            if self._stop.wait(self._period_seconds):
                self._sample()
                return

    def _sample(self) -> None:
        received, sent = interface_bytes(self._interface)
        self._notify("network", at_ns=now_ns(), guest=self._guest, rx_bytes=received, tx_bytes=sent)
        pid = guest_pid(self._guest)
        if pid is not None:
            cpu_seconds = thread_cpu_seconds(pid)
            if cpu_seconds:
                spent = {"cpu_seconds": cpu_seconds, "daemon": daemon_spent()}
                self._notify("threads", at_ns=now_ns(), guest=self._guest, **spent)


def interface_bytes(interface: str) -> tuple[int, int]:
    """Bytes received and sent by *interface* since it came up."""
    statistics = Path("/sys/class/net", interface, "statistics")
    return int((statistics / "rx_bytes").read_text()), int((statistics / "tx_bytes").read_text())


def guest_pid(guest: str) -> int | None:
    """The process of the running *guest*, as its keeper or libvirt wrote it down; None while there is none."""
    for path in (folder_of(guest) / "pid", places().runtime / "qemu" / f"{guest}.pid"):
        try:
            return int(path.read_text())
        except (OSError, ValueError):
            continue
    return None


def thread_cpu_seconds(pid: int) -> dict[str, float]:
    """CPU seconds used so far, by thread name; threads of one name are added up."""
    seconds: dict[str, float] = {}
    for stat in Path("/proc", str(pid), "task").glob("*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        fields: list[Any] = text[text.rindex(")") + 2 :].split()
        ticks = int(fields[11]) + int(fields[12])
        seconds[name] = round(seconds.get(name, 0.0) + ticks / _TICKS_PER_SECOND, 3)
    return seconds
