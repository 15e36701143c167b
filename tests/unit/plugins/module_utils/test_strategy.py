# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of strategies is consistent with itself."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import (
    EXCLUSIONS,
    LIBVIRT_FLAG_SINCE,
    QMP_CAPABILITY_SINCE,
    STRATEGIES,
    SWITCHES,
    Strategy,
    unmet,
)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
def test_a_row_is_consistent(strategy: Strategy) -> None:
    assert STRATEGIES[strategy.name] is strategy
    assert strategy.switch in SWITCHES
    assert set(strategy.libvirt_flags) <= set(LIBVIRT_FLAG_SINCE)
    assert set(strategy.qmp_capabilities) <= set(QMP_CAPABILITY_SINCE)
    assert strategy.uses_postcopy == ("VIR_MIGRATE_POSTCOPY" in strategy.libvirt_flags)
    # libvirt refuses post-copy of a guest that it suspends first.
    assert not (strategy.uses_postcopy and strategy.suspends_first)


def test_the_four_strategies() -> None:
    assert {name: (row.switch, row.suspends_first) for name, row in STRATEGIES.items()} == {
        "pre-copy": ("never", False),
        "hybrid": ("after-first-pass", False),
        "post-copy": ("at-once", False),
        "stop-and-copy": ("never", True),
    }


def test_versions_follow_from_the_flags() -> None:
    assert STRATEGIES["hybrid"].minimum_libvirt == (1, 3, 3)
    assert STRATEGIES["hybrid"].minimum_qemu == (2, 6, 0)
    assert STRATEGIES["stop-and-copy"].minimum_libvirt == (0, 7, 2)
    assert STRATEGIES["stop-and-copy"].minimum_qemu == (0, 0, 0)


def test_old_software_is_named() -> None:
    assert unmet(STRATEGIES["hybrid"], (11, 3, 0), (10, 0, 13)) == []
    assert unmet(STRATEGIES["hybrid"], (1, 2, 0), (2, 5, 0)) == [
        "libvirt 1.2.0 was found, but the strategy hybrid needs libvirt 1.3.3 or newer: update libvirt on both hosts.",
        "QEMU 2.5.0 was found, but the strategy hybrid needs QEMU 2.6.0 or newer: update QEMU on both hosts.",
    ]


def test_a_passed_through_device_excludes_post_copy() -> None:
    (sentence,) = unmet(STRATEGIES["post-copy"], (11, 3, 0), (10, 0, 13), {"hostdev"})
    assert EXCLUSIONS[0].reason in sentence
    assert unmet(STRATEGIES["pre-copy"], (11, 3, 0), (10, 0, 13), {"hostdev"}) == []
