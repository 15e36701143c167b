# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Patches of the role and of the site, applied in their order."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError

_TIMEOUT_SECONDS = 120
_FILE = re.compile(r"^(?:checking|patching) file (.+)$")
_HUNK = re.compile(r"^Hunk #(\d+) FAILED at (\d+)")
_MISSING = re.compile(r"^(?:can't find file to patch|The next patch would)")


@dataclass(frozen=True)
class Patch:
    """One patch, by name and text."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def apply_patches(tree: Path, patches: Sequence[Patch]) -> None:
    """Apply all to the source; BuildError names the first hunk that does not fit, whose patch is not applied at all."""
    for patch in patches:
        command = ["patch", "--strip=1", "--forward", "--batch", "--fuzz=0", "--no-backup-if-mismatch"]
        tried = _patch([*command, "--dry-run"], tree, patch)
        if tried.returncode != 0:
            raise BuildError(
                f"the patch {patch.name} does not apply ({_what_does_not_fit(tried.stdout)}): "
                "correct it for this version of the source, or leave it out"
            )
        if _patch(command, tree, patch).returncode != 0:
            raise BuildError(f"the patch {patch.name} fits and could not be written to {tree}: look at the disk there")


def _patch(command: list[str], tree: Path, patch: Patch) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=str(tree),
            input=patch.text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise BuildError(f"the builder has no command {command[0]}: install it there") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"the patch {patch.name} was not applied after {_TIMEOUT_SECONDS} s: see what the builder is busy with"
        ) from error


def _what_does_not_fit(output: str) -> str:
    """ "hunk 2 of src/qemu/qemu_migration.c at line 4711", or what else patch says."""
    file = ""
    for line in output.splitlines():
        named, hunk = _FILE.match(line), _HUNK.match(line)
        if named:
            file = named.group(1)
        elif hunk:
            return f"hunk {hunk.group(1)} of {file} at line {hunk.group(2)}"
        elif _MISSING.match(line):
            return line
    return (output.strip().splitlines() or ["it says nothing"])[-1]
