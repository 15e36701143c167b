# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Numbers of tests and the names of those that failed, read from JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class Counts:
    """How many tests passed, failed (errors included) and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_junit(folder: Path) -> Counts:
    """Return the sum over all JUnit files of a folder; a test case is a failure, a skip, or else passed."""
    total = Counts()
    for case in _cases(folder):
        failed = _failure(case) is not None
        skipped = not failed and case.find("skipped") is not None
        total += Counts(not failed and not skipped, failed, skipped)
    return total


def read_failures(folder: Path) -> list[str]:
    """Return a line for each failed test of a folder's JUnit files: its name and the start of what it said."""
    lines = []
    for case in _cases(folder):
        failure = _failure(case)
        if failure is not None:
            message = " ".join((failure.get("message") or failure.text or "").split())
            lines.append(f"{case.get('classname', '')}::{case.get('name')}: {message[:MESSAGE_CHARACTERS]}")
    return lines


def _cases(folder: Path) -> Iterator[ElementTree.Element]:
    """A file that is no XML (its writer was killed) has no cases: the part's exit status says that it failed."""
    for path in sorted(folder.glob("*.xml")):
        try:
            yield from ElementTree.parse(path).getroot().iter("testcase")
        except ElementTree.ParseError:
            continue


def _failure(case: ElementTree.Element) -> ElementTree.Element | None:
    failure = case.find("failure")
    return failure if failure is not None else case.find("error")
