# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a part of the tests is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One command of the tests, and what its result depends on."""

    name: str
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    """Globs over the checkout's files ('*' also matches '/'); green with the same files, a part is not repeated."""
    minutes: float
    """Rough time on two idle cores, to tell whether it fits before the deadline; a longer measured time replaces it."""
    junit: bool = False
    """Whether the command leaves JUnit XML; without it the whole part counts as one test."""
    always: bool = False
    """Runs even when nothing changed."""
    needs: tuple[str, ...] = ()
    """Programs that must be found, or "root"; a part whose needs are not met is skipped by name."""
    cleanup: tuple[str, ...] = ()
    """Run after the command had to be killed."""
