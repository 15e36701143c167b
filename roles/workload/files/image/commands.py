# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Running other programs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from errors import BuildError


def run(arguments: list[str], directory: Path | None = None) -> str:
    """Return standard output; a program that is missing or fails is a BuildError with the end of what it said."""
    try:
        done = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildError(f"the builder has no program {arguments[0]}: install the package that brings it") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-600:]
        raise BuildError(f"'{' '.join(arguments)}' ended with {done.returncode}: {said}")
    return done.stdout
