# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Token buckets are chosen by rate and recognised when tc reads them back; the texts are what tc 6.1 printed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _shaping

TBF_1G = [
    {"kind": "tbf", "handle": "1:", "root": True, "options": {"rate": 125_000_000, "burst": 131_000, "lat": 20_000}}
]
HTB = [{"kind": "htb", "handle": "1:", "root": True, "options": {"default": "0x1"}}]
HTB_CLASS = "class htb 1:1 root prio 0 rate 10Gbit ceil 10Gbit burst 1046250b cburst 1046250b \n"
NETEM = {"kind": "netem", "handle": "1:", "root": True, "options": {"limit": 1000, "delay": {"delay": 0.005}}}
PLAIN = [{"kind": "noqueue", "handle": "0:", "root": True, "options": {}}]


@pytest.mark.parametrize(
    ("rate_mbit_per_second", "kind", "burst_kib"),
    [(10, "tbf", 32), (100, "tbf", 32), (1_000, "tbf", 128), (2_500, "tbf", 512), (5_000, "tbf", 1024)]
    + [(10_000, "htb", 1024), (40_000, "htb", 1024)],
)
def test_the_bucket_follows_the_rate(rate_mbit_per_second: float, kind: str, burst_kib: int) -> None:
    shape = _shaping.choose_shape(rate_mbit_per_second)
    assert (shape.kind, shape.burst_kib) == (kind, burst_kib)


@pytest.mark.parametrize(
    ("disciplines", "classes", "rate_mbit_per_second", "delay_ms", "same"),
    [
        (TBF_1G, "", 1_000, 0.0, True),
        (TBF_1G, "", 999, 0.0, True),
        (TBF_1G, "", 900, 0.0, False),
        (TBF_1G, "", None, 0.0, False),
        (TBF_1G, "", 10_000, 0.0, False),
        (TBF_1G, "", 1_000, 5.0, False),
        (HTB, HTB_CLASS, 10_000, 0.0, True),
        (HTB, HTB_CLASS, 20_000, 0.0, False),
        (HTB, "", 10_000, 0.0, False),
        (PLAIN, "", None, 0.0, True),
        (PLAIN, "", 1_000, 0.0, False),
        ([{}], "", None, 0.0, True),
        ([NETEM], "", None, 5.0, True),
        ([NETEM], "", None, 6.0, False),
        ([NETEM, {**TBF_1G[0], "root": False}], "", 1_000, 5.0, True),
        ([NETEM], "", None, 0.0, False),
    ],
)
def test_reading_back(
    disciplines: list[Any], classes: str, rate_mbit_per_second: float | None, delay_ms: float, same: bool
) -> None:
    assert _shaping.matches(disciplines, classes, rate_mbit_per_second, delay_ms) is same


def test_no_rate_and_no_delay_need_nothing() -> None:
    assert _shaping.set_commands("eth0", None, 0.0, 1500) == []


def test_a_delay_comes_before_the_bucket_and_holds_what_is_under_way() -> None:
    netem, tbf = _shaping.set_commands("eth0", _shaping.choose_shape(1_000), 10.0, 1500)
    assert netem[4:] == ["root", "handle", "1:", "netem", "delay", "10ms", "limit", "1666"]
    assert tbf[4:8] == ["parent", "1:1", "handle", "10:"]


def test_htb_gets_a_class_that_everything_falls_into() -> None:
    discipline, htb_class = _shaping.set_commands("eth0", _shaping.choose_shape(10_000), 0.0, 1500)
    assert discipline[-3:] == ["htb", "default", "1"]
    assert htb_class[4:8] == ["parent", "1:", "classid", "1:1"]
