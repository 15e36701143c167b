# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a migration switches to post-copy, by statistics as libvirt gives them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._switch_point import SwitchPoint

SECOND = 1_000_000_000


def row(sent_pages: int, remaining_pages: int = 50, total_pages: int = 100) -> dict[str, Any]:
    """libvirt's statistics."""
    return {
        "memory_total_bytes": total_pages * 4096,
        "memory_page_size_bytes": 4096,
        "memory_normal_pages": sent_pages - sent_pages // 4,
        "memory_constant_pages": sent_pages // 4,
        "memory_remaining_bytes": remaining_pages * 4096,
    }


def test_never_is_never_and_at_once_is_at_once() -> None:
    assert not SwitchPoint("never", None, False).is_due(10**18)
    assert SwitchPoint("at-once", None, False).is_due(0)


@pytest.mark.parametrize("kind", ["at-once", "after-first-pass", "after-passes", "after-seconds", "at-stall"])
def test_nothing_is_due_before_the_memory_s_turn(kind: str) -> None:
    point = SwitchPoint(kind, 1, copies_disks=True)
    point.note(0, {"memory_total_bytes": 0})
    assert not point.is_due(10 * SECOND)


def test_a_pass_is_over_when_what_was_left_at_its_beginning_is_sent() -> None:
    point = SwitchPoint("after-passes", 3, False)
    due = []
    # Looks at the bitmap (99, 110, 139) are no passes; 100 pages are, then the 40 left, then the 20 left.
    for sent, left in ((10, 90), (99, 50), (100, 40), (110, 60), (139, 10), (140, 20), (150, 20), (161, 30)):
        point.note(0, row(sent, left))
        due.append(point.is_due(0))
    assert due == [False] * 7 + [True]


def test_after_the_first_pass() -> None:
    point = SwitchPoint("after-first-pass", None, False)
    point.note(0, row(99))
    assert not point.is_due(0)
    point.note(1, row(101))
    assert point.is_due(1)


def test_after_seconds_counts_from_the_first_byte() -> None:
    point = SwitchPoint("after-seconds", 2.5, False)
    assert not point.is_due(60 * SECOND)
    point.note(60 * SECOND, row(1))
    assert not point.is_due(62 * SECOND)
    assert point.is_due(62 * SECOND + SECOND // 2)


def test_at_stall_waits_until_no_new_low_is_reached_whatever_the_saw_tooth_does() -> None:
    point = SwitchPoint("at-stall", 2, False)
    for second, left in enumerate((90, 50, 20, 45, 19, 40)):
        point.note(second * SECOND, row(second, left))
        assert not point.is_due(second * SECOND)
    point.note(6 * SECOND, row(7, 30))
    assert point.is_due(6 * SECOND)
