# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Working set and dirty rate are found again from what guests with known ones change in a short and in a long time."""

from __future__ import annotations

import math

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._dirtying import touched_mib
from ansible_collections.stsm.live_migration.plugins.module_utils._dirtying import Observed

# The lines that QEMU 11.1 shows of a guest of 512 MiB, with its code buffer and a library.
SMAPS = """\
7f0000000000-7f0020000000 rw-p 00000000 00:00 0
Size:             524288 kB
Rss:              208896 kB
Private_Hugetlb:       0 kB
7f0020000000-7f0060000000 rwxp 00000000 00:00 0
Size:            1048576 kB
Rss:               45056 kB
7f0060000000-7f0060100000 rw-p 00000000 00:00 0
Rss:                1024 kB
"""


def changed(pattern: str, working_set_mib: float, rate: float, seconds: float) -> float:
    if pattern == "sequential":
        return min(working_set_mib, rate * seconds)
    return working_set_mib * -math.expm1(-rate * seconds / working_set_mib)


def observed(pattern: str, working_set_mib: float, rate: float, is_sampled: bool = False) -> Observed:
    short, long = (changed(pattern, working_set_mib, rate, seconds) for seconds in (1, 8))
    return Observed(4096, 1200, 1, [short] * 3, 8, long, is_sampled)


@pytest.mark.parametrize("is_sampled", [False, True])
@pytest.mark.parametrize("pattern", ["sequential", "random"])
@pytest.mark.parametrize(("working_set_mib", "rate"), [(256, 60), (256, 190), (1000, 400), (900, 200)])
def test_truth_lies_between_the_bounds(pattern: str, working_set_mib: float, rate: float, is_sampled: bool) -> None:
    found = observed(pattern, working_set_mib, rate, is_sampled).ranges()
    for name, truth in (("working_set_mib", working_set_mib), ("dirty_rate_mib_per_second", rate)):
        _centre, low, high = found[name]
        assert low * 0.98 <= truth <= high * 1.02, (name, found)


def test_exact_counts_are_known_more_narrowly_than_samples() -> None:
    widths = []
    for is_sampled in (False, True):
        _centre, low, high = observed("sequential", 256, 60, is_sampled).ranges()["working_set_mib"]
        widths.append(high - low)
    assert widths[0] < widths[1] / 2


def test_guest_that_is_through_in_no_time_may_be_any_number_of_times_as_fast() -> None:
    fast, slow = observed("sequential", 64, 190), observed("sequential", 256, 60)
    assert fast.is_saturated and not slow.is_saturated
    _centre, low, high = fast.ranges()["dirty_rate_mib_per_second"]
    assert low < 70 and high > 190


def test_working_set_whose_end_was_not_seen_may_be_all_that_was_touched() -> None:
    _centre, low, high = observed("sequential", 1000, 20).ranges()["working_set_mib"]
    assert low < 250 and high > 1000


def test_guest_that_writes_nothing_has_no_dirty_rate() -> None:
    assert Observed(512, 200, 1, [0, 0, 0], 8, 0, True).ranges()["dirty_rate_mib_per_second"] == (0, 0, 0)


def test_what_a_guest_has_touched_is_what_the_host_holds_of_its_memory() -> None:
    assert touched_mib(SMAPS.splitlines(), 512) == 204
    assert touched_mib(SMAPS.splitlines()[3:], 512) is None
    assert touched_mib(SMAPS.replace("208896", "998896").splitlines(), 512) == 512
