# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""On what virtual machines run here: kvm or tcg, whichever boots a kernel first. A device node is no proof.

The kernel has no root file system: it ends with a panic when it has come far enough to look for one, and QEMU with it.

The agent's `_boot_proof` asks another question, and shares no more than the idea: whether the workload guest, which a
host must have by then, is ready in a given processor time on the accelerator that a campaign asked for, as QEMU's own
user. Here nothing is deployed yet, two candidates run side by side, and what counts is the wall clock, because the
boots that provisioning will wait for are counted by it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError

KVM_DEVICE = Path("/dev/kvm")
# What the kernel says when it has come to the end of its boot.
_GOAL = "Unable to mount root fs"
# kvm is alone for so much of the limit. Inside a virtual machine whose processors are emulated, a tcg beside it would
# cost it a third of its speed, and come to nothing itself.
_HEAD_START_SHARE = 0.5
_MEMORY_MIB = 256
_LOOK_SECONDS = 0.1
# More than a kernel says up to its panic.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Trial:
    """One accelerator's boot: its wall time, None if it has not come to the end, and how long it has been tried.

    `said` is why QEMU ended before; empty while it runs.
    """

    boot_seconds: float | None
    tried_seconds: float
    said: str = ""

    def failure(self, there: str) -> str:
        """What went wrong on the accelerator, as the end of a sentence."""
        if self.said:
            return f"{there} QEMU gives up ({self.said})"
        return f"{there} it did not in {self.tried_seconds:.1f} s"


@dataclass(frozen=True)
class Choice:
    """The accelerator to use, how long a kernel boots on it, and every trial by its accelerator."""

    accelerator: str
    boot_seconds: float
    trials: dict[str, Trial]

    @property
    def sentence(self) -> str:
        """What was chosen and why, in one sentence."""
        words = f"Virtual machines run on {self.accelerator}: a kernel boots in {self.boot_seconds:.1f} s there"
        if self.accelerator == "tcg":
            words += ", " + (
                self.trials["kvm"].failure(f"on kvm (device {KVM_DEVICE} is there)")
                if "kvm" in self.trials
                else f"and there is no device {KVM_DEVICE}"
            )
        return f"{words}."


def choose(kernel: Path, emulator: str, limit_seconds: float) -> Choice:
    """Boot `kernel` on kvm, where its device is, and on tcg, and take the first to come to the end.

    Takes at most `limit_seconds` and leaves no process. Raises MachineError where neither comes to the end.
    """
    if not os.access(kernel, os.R_OK):
        raise MachineError(f"there is no kernel image {kernel} that can be read: set kernel to a Linux bzImage")
    program = shutil.which(emulator)
    if program is None:
        raise MachineError(
            f"the command {emulator} is not installed on this machine, but virtual machines need it: install QEMU"
            " (Debian: qemu-system-x86)"
        )
    trials = _race(program, kernel, limit_seconds)
    for accelerator, trial in trials.items():
        if trial.boot_seconds is not None:
            return Choice(accelerator, trial.boot_seconds, trials)
    raise MachineError(_failure(trials, kernel))


def _failure(trials: dict[str, Trial], kernel: Path) -> str:
    """Why no accelerator can be chosen, in one sentence."""
    why = " and ".join(trial.failure(f"on {accelerator}") for accelerator, trial in trials.items())
    if all(trial.said for trial in trials.values()):
        cure = "install a QEMU that has TCG (Debian: qemu-system-x86), or set kernel to one that boots"
    else:
        cure = "see that nothing else loads the machine, or raise limit_seconds"
    return f"the kernel {kernel} boots on no accelerator, {why}: {cure}"


def _race(program: str, kernel: Path, limit_seconds: float) -> dict[str, Trial]:
    """Every trial, by its accelerator, once one has come to the end, all have failed or the time is up."""
    begin = time.monotonic()
    waiting = ["kvm", "tcg"] if KVM_DEVICE.exists() else ["tcg"]
    with contextlib.ExitStack() as closing:
        boots: dict[str, _Boot] = {}
        trials: dict[str, Trial] = {}
        while True:
            trials.update(
                {name: boot.look() for name, boot in boots.items() if name not in trials or not trials[name].said}
            )
            passed_seconds = time.monotonic() - begin
            is_won = any(trial.boot_seconds is not None for trial in trials.values())
            is_idle = all(trial.said for trial in trials.values())
            if is_won or passed_seconds >= limit_seconds or (is_idle and not waiting):
                return trials
            if waiting and (is_idle or passed_seconds >= limit_seconds * _HEAD_START_SHARE):
                accelerator = waiting.pop(0)
                boots[accelerator] = closing.enter_context(_Boot(program, kernel, accelerator))
            time.sleep(_LOOK_SECONDS)


class _Boot:
    """A QEMU that boots the kernel, until the context is left."""

    def __init__(self, program: str, kernel: Path, accelerator: str) -> None:
        # QEMU does not outlive this process, even one that is killed.
        self._command = ["setpriv", "--pdeathsig=KILL", "--", program, *_options(kernel, accelerator)]

    def __enter__(self) -> _Boot:
        with contextlib.ExitStack() as opening:
            self._console = opening.enter_context(tempfile.TemporaryFile())
            self._complaints = opening.enter_context(tempfile.TemporaryFile())
            self._begin = time.monotonic()
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=self._console, stderr=self._complaints
            )
            opening.callback(self._process.wait)
            opening.callback(self._process.kill)
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.close()

    def look(self) -> Trial:
        """What has come of the boot so far."""
        # Asked before what was said is read: nothing is said after it.
        has_ended = self._process.poll() is not None
        said = _lines(self._console)
        seconds = round(time.monotonic() - self._begin, 1)
        if any(_GOAL in line for line in said):
            return Trial(seconds, seconds)
        if not has_ended:
            return Trial(None, seconds)
        # The first complaint, of which later ones are consequences, or else the kernel's last word.
        complaints = [line for line in _lines(self._complaints) if " warning: " not in line]
        complaints = [line.partition(": ")[2].replace("error: ", "", 1) or line for line in complaints]
        return Trial(None, seconds, (complaints or said[-1:] or ["the kernel said nothing"])[0])


def _options(kernel: Path, accelerator: str) -> Sequence[str]:
    """QEMU's options: the processor is the one that virtual machines will have, and there is nothing to look for."""
    return [
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none"),
        *("-machine", "q35", "-accel", accelerator, "-cpu", "max", "-m", str(_MEMORY_MIB)),
        *("-kernel", str(kernel), "-append", "console=ttyS0 panic=-1 quiet"),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
    ]


def _lines(file: IO[bytes]) -> list[str]:
    """The lines of a file that another process appends to."""
    said = os.pread(file.fileno(), _MOST_BYTES, 0).decode(errors="replace")
    return [line for line in said.replace("\r", "").splitlines() if line.strip()]
