# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Short-lived tools of the builder."""

from __future__ import annotations

import subprocess
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError

_TIMEOUT_SECONDS = 1800


def run_tool(argv: Sequence[str], failed: str) -> str:
    """Run a tool and return its standard output; BuildError is *failed*, with what the tool said last."""
    try:
        done = subprocess.run(
            list(argv), capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"the builder has no {argv[0]}: install it there") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{failed} ({argv[0]} was not ready after {_TIMEOUT_SECONDS} s)") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["no message"]
        raise BuildError(f"{failed} ({said[-1]})")
    return done.stdout
