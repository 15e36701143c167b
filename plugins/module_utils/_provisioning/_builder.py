# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Programs that take part in a build: they hold its lock, and end with it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError

_TIMEOUT_SECONDS = 1200
# What timeout(1) returns; it ends all processes of a step, which a time limit of Python's would not.
_TIMED_OUT = 124
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True)
class Builder:
    """Runs the steps of a build; `lock` is the descriptor of its lock, which outlives a killed parent with the step."""

    lock: int

    def run(self, argv: Sequence[str], failed: str, stdin: str = "") -> str:
        """Standard output and error of a step, whose mounts are in a mount namespace that ends with it.

        MachineError begins with `failed` and goes on with what the step itself says was wrong.
        """
        command = ["timeout", "--kill-after=10", str(_TIMEOUT_SECONDS)]
        command += ["unshare", "--mount", "--propagation", "private", *argv]
        done = subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(self.lock,),
            env={**os.environ, **_ENVIRONMENT},
            check=False,
        )
        if done.returncode == _TIMED_OUT:
            raise MachineError(f"{failed}: {argv[0]} was not ready after {_TIMEOUT_SECONDS} s and was ended")
        if done.returncode != 0:
            raise MachineError(f"{failed}: {_what_was_wrong(done.stdout)}")
        return done.stdout

    def run_in(self, root: Path, argv: Sequence[str], failed: str) -> str:
        """The same with a program of the tree's own."""
        return self.run(["chroot", str(root), *argv], failed)


def _what_was_wrong(output: str) -> str:
    """The errors in apt's output, without those that only say that there was one; its last line if there are none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    causes = [line for line in errors if " failed" not in line]
    return " ".join(causes or errors or lines[-1:])
