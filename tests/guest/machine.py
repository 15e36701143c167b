# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A real guest in a real QEMU on this machine, for tests."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from guest.qmp import Monitor

_POLL_SECONDS = 0.02
_GUEST_ADDRESS = "10.0.2.15/24"  # what QEMU's user network expects


class GuestError(Exception):
    """The guest did not do what a test needs; holds the end of its console."""


class Machine:
    """One QEMU process with the guest's two ports, its network on a local UDP port, and a monitor."""

    def __init__(
        self,
        image: Path,
        directory: Path,
        name: str = "guest",
        *,
        memory_mib: int = 512,
        working_set_mib: int = 256,
        network: bool = True,
        incoming: str | None = None,
        command_line: str = "",
        arguments: tuple[str, ...] = (),
    ) -> None:
        """Start QEMU, with further *arguments*; `incoming` is the URI of a migration to wait for instead of booting."""
        self.directory = directory / name
        self.directory.mkdir()
        self.results_path = self.directory / "results.jsonl"
        self.control_path = self.directory / "control.sock"
        self.console_path = self.directory / "console.log"
        self.echo_port = _free_udp_port()
        self._next_id = 0
        words = f"stsm.working_set_mib={working_set_mib} stsm.seed=7 quiet console=ttyS0 {command_line}"
        if network:
            words = f"stsm.address={_GUEST_ADDRESS} {words}"
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
                *("-machine", "q35", "-accel", "tcg", "-cpu", "qemu64", "-smp", "1", "-m", str(memory_mib)),
                *("-kernel", str(image / "vmlinux"), "-initrd", str(image / "initrd.img"), "-append", words),
                *("-serial", f"file:{self.console_path}"),
                *("-qmp", f"unix:{self.directory / 'qmp.sock'},server=on,wait=off"),
                *("-device", "virtio-serial-pci"),
                *("-chardev", f"file,id=results,path={self.results_path},append=on"),
                *("-device", "virtserialport,chardev=results,name=org.stsm.results"),
                *("-chardev", f"socket,id=control,path={self.control_path},server=on,wait=off"),
                *("-device", "virtserialport,chardev=control,name=org.stsm.control"),
                *(self._network_arguments() if network else ("-nic", "none")),
                *(("-incoming", incoming) if incoming else ()),
                *arguments,
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self.directory / "qemu.log").open("w"),
        )
        self.monitor = Monitor(self.directory / "qmp.sock")

    def _network_arguments(self) -> tuple[str, ...]:
        forward = f"user,id=tenant,hostfwd=udp:127.0.0.1:{self.echo_port}-:7"
        return ("-netdev", forward, "-device", "virtio-net-pci,netdev=tenant,romfile=")

    def lines(self) -> list[dict[str, Any]]:
        """Return all whole lines that the guest has written to this QEMU's file."""
        text = self.results_path.read_text() if self.results_path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for_line(self, seconds: float, **wanted: Any) -> dict[str, Any]:
        """Return the first line that has these members."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.lines():
                if all(line.get(key) == value for key, value in wanted.items()):
                    return line
            if self._process.poll() is not None:
                break
            time.sleep(_POLL_SECONDS)
        console = self.console_path.read_text(errors="replace")[-2000:] if self.console_path.exists() else ""
        raise GuestError(f"no line {wanted} within {seconds} s; QEMU {self._process.poll()}; console: {console}")

    def wait_until_ready(self, seconds: float = 60.0) -> tuple[dict[str, Any], float]:
        """Return the ready line and the seconds from the start of QEMU to it."""
        line = self.wait_for_line(seconds, kind="ready")
        return line, time.monotonic() - self._started

    @contextmanager
    def visitor(self) -> Iterator[socket.socket]:
        """Be connected to the control port. QEMU may drop what it has not yet read from somebody who leaves."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.connect(str(self.control_path))
            yield control

    def command(self, command: str, seconds: float = 60.0, **words: Any) -> dict[str, Any]:
        """Send one command and return its answer, which may be a refusal."""
        self._next_id += 1
        return self.command_as(self._next_id, command, seconds, **words)

    def command_as(self, number: int, command: str, seconds: float = 60.0, **words: Any) -> dict[str, Any]:
        """Send one command with a chosen id: after a migration the ids go on from the other side."""
        self._next_id = number
        pairs = "".join(f" {key}={value}" for key, value in words.items())
        with self.visitor() as control:
            control.sendall(f"id={number} command={command}{pairs}\n".encode())
            return self.wait_for_line(seconds, id=number)

    def waited_ns(self) -> int:
        """Time for which QEMU's threads were ready to run and had no processor, since its start."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[1]) for task in tasks)

    def stop(self) -> None:
        """End QEMU."""
        self._process.kill()
        self._process.wait()


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
