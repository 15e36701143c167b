# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks that one host leaves in a folder for another one to find."""

from __future__ import annotations

import secrets
from pathlib import Path

from ._errors import AgentError

_PREFIX = ".stsm-mark-"


def leave_mark(folder: str) -> str | None:
    """Make a file of a new name in *folder*; returns the name, None where there is no such folder."""
    if not Path(folder).is_dir():
        return None
    mark = _PREFIX + secrets.token_hex(8)
    try:
        (Path(folder) / mark).touch(exist_ok=False)
    except OSError as error:
        raise AgentError(f"Nothing can be written to {folder} ({error.strerror}): let root write there.") from None
    return mark


def has_mark(folder: str, mark: str) -> bool:
    """Whether the file is there."""
    return (Path(folder) / mark).exists()


def remove_mark(folder: str, mark: str) -> None:
    """Remove the file."""
    (Path(folder) / mark).unlink(missing_ok=True)
