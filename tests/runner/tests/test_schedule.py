# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Which parts are due, fit, and come first."""

from __future__ import annotations

import pytest

from runner._ledger import Entry
from runner._part import Part
from runner._schedule import Candidate, fits, is_due, ordered


def candidate(name: str, entry: Entry, *, minutes: float = 1.0, always: bool = False) -> Candidate:
    part = Part(name=name, command=("true",), inputs=("*",), minutes=minutes, always=always)
    return Candidate(part, "present", entry)


def green(when: str, *, digest: str = "present", seen: str = "present", minutes: float = 0.0) -> Entry:
    return Entry(green={digest: when}, seen_digest=seen, minutes=minutes)


def test_what_is_not_green_comes_first_then_what_is_longest_not() -> None:
    parts = [
        candidate("recent", green("2026-03-01T00:00:00Z")),
        candidate("old", green("2026-01-01T00:00:00Z")),
        candidate("never", Entry(seen_digest="present")),
        candidate("changed", green("2026-04-01T00:00:00Z", digest="former", seen="former")),
        candidate("new", Entry()),
    ]
    assert [each.part.name for each in ordered(parts)] == ["never", "changed", "new", "old", "recent"]


@pytest.mark.parametrize(
    ("entry", "fresh", "always", "due"),
    [
        pytest.param(green("2026-01-01T00:00:00Z"), False, False, False, id="unchanged"),
        pytest.param(green("2026-01-01T00:00:00Z"), True, False, True, id="fresh"),
        pytest.param(green("2026-01-01T00:00:00Z"), False, True, True, id="always"),
        pytest.param(green("2026-01-01T00:00:00Z", digest="former"), False, False, True, id="changed"),
        pytest.param(Entry(), False, False, True, id="never green"),
    ],
)
def test_due(entry: Entry, fresh: bool, always: bool, due: bool) -> None:
    assert is_due(candidate("part", entry, always=always), fresh=fresh) is due


@pytest.mark.parametrize(
    ("elapsed", "deadline", "fitting"),
    [(0.0, None, True), (0.0, 5.0, True), (0.0, 4.9, False), (70.1, 75.0, False)],
)
def test_a_part_fits_by_the_longer_of_guess_and_measurement(
    elapsed: float, deadline: float | None, fitting: bool
) -> None:
    assert fits(candidate("part", green("", minutes=5.0), minutes=2.0), elapsed, deadline) is fitting
    assert fits(candidate("part", green("", minutes=2.0), minutes=5.0), elapsed, deadline) is fitting
