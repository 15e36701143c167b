# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timeline is small, and its steps keep the means of what was observed."""

from __future__ import annotations

import json

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._report_timeline import (
    MOST_POINTS,
    guest_series,
    link_series,
    passes,
    phases,
    timeline,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    ACTIVE,
    BASE,
    BYTES_PER_MS,
    COMPLETED,
    END,
    MS,
    RESUME,
    STOP,
    at,
    not_converged,
    observation,
)

PLAIN_MBIT_PER_SECOND = BYTES_PER_MS * 1.01 * 8 / 1000


def test_the_phases_are_marked_in_order() -> None:
    told = timeline(observation("hybrid"))
    assert told["blackout"] == [STOP, RESUME]
    assert told["end"] == END
    marks = dict(told["marks"])
    assert marks["first byte sent"] == ACTIVE
    assert marks["guest stops"] == STOP
    assert marks["guest resumes"] == RESUME
    assert marks["stream ends"] == COMPLETED
    assert [ms for _name, ms in told["marks"]] == sorted(marks.values())


def test_each_phase_has_a_begin_and_an_end() -> None:
    hybrid = {name: (begin, end) for name, begin, end in phases(observation("hybrid"), 310)}
    assert hybrid == {
        "preparation": (0, ACTIVE),
        "pre-copy": (ACTIVE, STOP),
        "blackout": (STOP, RESUME),
        "post-copy": (RESUME, COMPLETED),
        "brownout": (RESUME, RESUME + 310),
    }
    standing = [name for name, _begin, _end in phases(observation("stop-and-copy"))]
    assert standing == ["preparation", "blackout"]
    given_up = phases(not_converged("pre-copy", 1.6))
    assert given_up == [("preparation", 0, ACTIVE), ("pre-copy", ACTIVE, END)]


def test_passes_are_few_enough_to_be_told_apart() -> None:
    seen = observation("hybrid")
    assert passes(seen) == [ACTIVE, STOP - 20]
    seen["events"] += [{"host": "source", "event": "MIGRATION_PASS", "at_ns": at(n), "data": {}} for n in range(500)]
    assert len(passes(seen)) == 100


def test_the_link_has_its_rate_in_the_stream_and_none_before() -> None:
    told = link_series(observation()["network"]["source"], BASE)
    assert told is not None
    rates = {told["t"] + index * told["step"]: rate for index, rate in enumerate(told["v"])}
    assert told["t"] == -1000
    assert max(rate for ms, rate in rates.items() if ms < ACTIVE - 50) == 0
    inside = [rate for ms, rate in rates.items() if ACTIVE <= ms < COMPLETED - 100]
    assert inside == pytest.approx([PLAIN_MBIT_PER_SECOND] * len(inside), abs=1)


def test_a_long_run_keeps_its_mean_in_few_points() -> None:
    samples = [{"at_ns": at(50 * n), "tx_bytes": 50 * n * BYTES_PER_MS} for n in range(10_000)]
    told = link_series(samples, BASE)
    assert told is not None
    assert len(told["v"]) <= MOST_POINTS
    assert set(told["v"]) == {BYTES_PER_MS * 8 // 1000}


def test_too_few_samples_are_no_series() -> None:
    assert link_series([], BASE) is None
    assert link_series([{"at_ns": BASE, "tx_bytes": 1}], BASE) is None
    assert link_series([{"at_ns": BASE - n * 1_000 * MS, "tx_bytes": 1} for n in (9, 8)], BASE) is None


def test_the_guest_is_shown_on_either_side_of_its_blackout() -> None:
    seen = observation("hybrid")
    before, after = guest_series(seen, most_points=10_000)
    assert before["t"] + before["step"] * len(before["v"]) == pytest.approx(STOP, abs=20)
    assert after["t"] == pytest.approx(RESUME, abs=20)
    asked = seen["scenario"]["workload"]["dirty_rate_mib_per_second"]
    assert before["v"][10] == pytest.approx(asked, abs=0.1)
    assert after["v"][5] == pytest.approx(asked / 2, abs=0.1)
    assert after["v"][-2] == pytest.approx(asked, abs=0.1)


def test_both_sides_together_have_at_most_so_many_points() -> None:
    for seen in (observation("hybrid"), observation("stop-and-copy"), not_converged("pre-copy", 1.6)):
        series = guest_series(seen)
        assert 0 < sum(len(side["v"]) for side in series) <= MOST_POINTS


def test_a_guest_that_never_stopped_has_one_series_and_was_given_up() -> None:
    told = timeline(not_converged("pre-copy", 1.6))
    assert told["blackout"] is None
    assert len(told["guest"]) == 1
    assert "given up" in dict(told["marks"])


def test_a_run_without_a_guest_that_speaks_has_its_link_only() -> None:
    seen = observation()
    seen["guest"] = {"warm_up": None, "window": None, "verified": None}
    told = timeline(seen)
    assert told["guest"] == []
    assert told["link"]["v"]
    seen = observation()
    seen["echoes"] = []
    assert timeline(seen)["guest"] == []


def test_a_timeline_is_small() -> None:
    assert len(json.dumps(timeline(observation("stop-and-copy")), separators=(",", ":"))) < 6_000
