# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Who watches a build is told how far it is, also while it says nothing."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building._progress import TELL_SECONDS, Progress


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("lines", "objects", "told"),
    [
        (["[30/120] Compiling a.c"], None, "compile: 30 of 120 objects, 60 s so far, about 3.0 min left"),
        (
            ["  CC      a.o", "  LD      b.o", "warning: c"],
            8,
            "compile: 2 of 8 objects, 60 s so far, about 3.0 min left",
        ),
        (["[3/120] Compiling a.c"], None, "compile: 3 of 120 objects, 60 s so far"),
        (["  CC      a.o"] * 9, 8, "compile: 8 of 8 objects, 60 s so far"),
        (["checking for zlib"], None, "compile: 60 s so far; checking for zlib"),
        ([], None, "compile: 60 s so far"),
    ],
)
def test_a_line_says_how_far_it_is(lines: list[str], objects: int | None, told: str) -> None:
    clock = Clock()
    progress = Progress("compile", lambda _line: None, objects, clock)
    for line in lines:
        progress.read(line)
    clock.now = 60.0
    assert progress.line().replace("1.0 min so far", "60 s so far") == told


def test_it_is_told_whenever_it_is_due() -> None:
    clock, told = Clock(), list[str]()
    progress = Progress("link", told.append, None, clock)
    for now in (1.0, TELL_SECONDS, TELL_SECONDS + 1, 2 * TELL_SECONDS):
        clock.now = now
        progress.tell_when_due()
    assert len(told) == 2
    assert TELL_SECONDS < 15
