# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Which parts run, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner._ledger import Entry
from runner._part import Part

LIMIT_FACTOR = 4.0
LIMIT_MINUTES_AT_LEAST = 10.0


@dataclass(frozen=True)
class Candidate:
    """A part with its inputs' digest and its past."""

    part: Part
    digest: str
    entry: Entry

    @property
    def green_since(self) -> str:
        """When exactly these inputs were last green; empty if never."""
        return self.entry.green.get(self.digest, "")

    @property
    def changed(self) -> bool:
        """Whether the inputs differ from those of the last run."""
        return self.digest != self.entry.seen_digest

    @property
    def minutes(self) -> float:
        """How long it will take, rather too much than too little."""
        return max(self.part.minutes, self.entry.minutes)

    @property
    def limit_minutes(self) -> float:
        """After how long it must be hanging."""
        return max(LIMIT_MINUTES_AT_LEAST, LIMIT_FACTOR * self.minutes)


def ordered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return first what is not green as it is, changed or not yet run; then those longest not green.

    Ties stay in the order given.
    """

    def rank(candidate: Candidate) -> tuple[bool, str]:
        return (True, candidate.entry.last_green) if candidate.green_since else (False, "")

    return sorted(candidates, key=rank)


def is_due(candidate: Candidate, *, fresh: bool) -> bool:
    """Return whether the part must run: fresh, never green with these inputs, or always run."""
    return fresh or candidate.part.always or not candidate.green_since


def fits(candidate: Candidate, elapsed_minutes: float, deadline_minutes: float | None) -> bool:
    """Return whether the part is expected to end before the deadline (None: there is none)."""
    return deadline_minutes is None or elapsed_minutes + candidate.minutes <= deadline_minutes
