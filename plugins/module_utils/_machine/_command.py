# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Running the machine's own tools, and the one error of all that works on the machine."""

from __future__ import annotations

import shlex
import subprocess
from typing import Sequence


class MachineError(Exception):
    """What was found, what was needed and what to set, in one sentence."""


def run(
    argv: Sequence[str],
    timeout_seconds: float = 60.0,
    stdin: str | None = None,
    environment: dict[str, str] | None = None,
    failed: str = "",
) -> str:
    """Standard output of a command.

    Raises MachineError with the last line the command wrote to standard error, if it fails, is missing or takes longer
    than `timeout_seconds`. `failed` says in the words of the caller what has failed, instead of the command's own.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise MachineError(f"this machine has no command {argv[0]}: install it") from error
    except subprocess.TimeoutExpired as error:
        late = f"took longer than {timeout_seconds:.0f} s"
        raise MachineError(f"{failed} ({argv[0]} {late})" if failed else f"`{shlex.join(argv)}` {late}") from error
    if done.returncode != 0:
        said = ((done.stderr or done.stdout).strip().splitlines() or ["no message"])[-1]
        raise MachineError(
            f"{failed} ({said})" if failed else f"`{shlex.join(argv)}` failed with status {done.returncode}: {said}"
        )
    return done.stdout
