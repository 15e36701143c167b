# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mean latency of page faults is held against their histogram, by the rules that QEMU counts both by."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._validators_stream import latency_histogram
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import observation

# The sample of the commit that brought the histogram to QEMU (2025), with post-copy preemption.
PUBLISHED_FAULTS = [0, 0, 1, 2, 2, 3, 10_169, 50_151, 12_876, 97, 42, 44, 93, 138, 0]


@pytest.mark.parametrize(("mean_us", "passed"), [(0, True), (170, True), (320, True), (330, False)])
def test_the_published_histogram_bounds_its_mean(mean_us: float, passed: bool) -> None:
    seen = observation()
    seen["destination_statistics"] = {
        "postcopy-latency": mean_us * 1000,
        "postcopy-latency-dist": PUBLISHED_FAULTS + [0] * 9,
    }
    assert latency_histogram(seen).passed is passed


# What QEMU 11.1 told of valid runs: the mean of a few faults in us, the processor's blocktime in ms, and how many
# faults fell into which bucket.
FAULTS_AT_ONCE = [
    (4_991.1, 36, {7: 1, 10: 1, 12: 1, 13: 1, 14: 5}),
    (762.5, 7, {9: 2, 10: 5, 11: 2, 15: 1}),
    (2.013, 0, {3: 1, 7: 1, 8: 1, 13: 1, 15: 1}),
]


@pytest.mark.parametrize(("mean_us", "blocktime_ms", "buckets"), FAULTS_AT_ONCE)
def test_of_faults_at_once_the_mean_has_the_last_only(
    mean_us: float, blocktime_ms: int, buckets: dict[int, int]
) -> None:
    seen = observation()
    seen["destination_statistics"] = {
        "postcopy-latency": mean_us * 1000,
        "postcopy-latency-dist": [buckets.get(place, 0) for place in range(24)],
        "postcopy-vcpu-blocktime": [blocktime_ms],
    }
    found = latency_histogram(seen)
    assert found.passed and "faults at once" in found.sentence
    seen["destination_statistics"]["postcopy-vcpu-blocktime"] = [blocktime_ms * 3 + 50]
    assert not latency_histogram(seen).passed


def test_the_last_bucket_has_no_upper_bound() -> None:
    seen = observation()
    seen["destination_statistics"] = {"postcopy-latency": 10**12, "postcopy-latency-dist": [0] * 23 + [3]}
    assert latency_histogram(seen).passed
