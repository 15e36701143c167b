# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was published of migrations passes the validators of their figures, but for what is known to be wrong in it."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._validators_stream import (
    accounting,
    throughput_identity,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    at,
    observation,
)

# Rows of 'info migrate' from the thread of QEMU's multifd series of 2022 (qemu-devel); the third is a bug of QEMU's
# accounting: total_ms, setup_ms, transferred_kib, mbit_per_second, constant_pages, normal_pages, normal_kib.
INFO_MIGRATE = [
    (1548, 16, 624_798, 3343.01, 4_048_839, 147_016, 588_064),
    (1359, 35, 603_701, 3737.66, 4_053_362, 141_517, 566_068),
    (866, 42, 14_627_983, 145_431.53, 4_024_050, 143_374, 573_496),
    (16_222, 18, 15_927_448, 8052.38, 222_804, 3_973_611, 15_894_444),
    (2092, 39, 15_929_157, 63_562.98, 224_436, 3_971_430, 15_885_720),
    (104_587, 311, 943_318_066, 74_107.80, 33_298_094, 235_142_522, 940_570_088),
]


@pytest.mark.parametrize("row", INFO_MIGRATE)
def test_published_rows_pass_the_identity_and_only_the_known_bug_fails_the_accounting(row: tuple[float, ...]) -> None:
    total_ms, setup_ms, kib, rate, constant, normal, normal_kib = row
    seen = observation()
    seen["job_series"] = []
    seen["completed"] = {
        "memory_processed_bytes": int(kib) * 1024,
        "memory_bytes_per_second": rate * 1e6 / 8,
        "memory_constant_pages": constant,
        "memory_normal_pages": normal,
        "memory_normal_bytes": int(normal_kib) * 1024,
    }
    for item in seen["events"]:
        if item["data"].get("status") == "completed":
            item["at_ns"] = at(700 + total_ms - setup_ms)
    assert throughput_identity(seen).passed
    assert accounting(seen).passed is (total_ms != 866)
