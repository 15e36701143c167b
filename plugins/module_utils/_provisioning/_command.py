# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Running the machine's own tools, and the one error of this package."""

from __future__ import annotations

import shlex
import subprocess
from typing import Sequence


class ProvisioningError(Exception):
    """What was found, what was needed and what to set, in one sentence."""


def run(
    argv: Sequence[str],
    timeout_seconds: float = 60.0,
    stdin: str | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Standard output of a command.

    Raises ProvisioningError with the last line the command wrote to standard error, if it fails, is missing or takes
    longer than `timeout_seconds`.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProvisioningError(f"the command {argv[0]} is not installed on the provisioner") from error
    except subprocess.TimeoutExpired as error:
        raise ProvisioningError(f"`{shlex.join(argv)}` took longer than {timeout_seconds:.0f} s") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise ProvisioningError(f"`{shlex.join(argv)}` failed with status {done.returncode}: {lines[-1]}")
    return done.stdout
