# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of strategies is consistent with itself and with the versions that brought its parts."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import (
    EXCLUSIONS,
    STRATEGIES,
    SWITCHES,
    Strategy,
    unmet,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import FEATURES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import (
    LIBVIRT_FLAG_SINCE,
    LIBVIRT_PARAMETERS,
    QMP_CAPABILITY_SINCE,
    QMP_PARAMETER_SINCE,
)

NEWEST = ((99, 0, 0), (99, 0, 0))


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
def test_a_row_is_consistent(strategy: Strategy) -> None:
    assert STRATEGIES[strategy.name] is strategy
    assert strategy.switch in SWITCHES
    assert set(strategy.libvirt_flags) <= set(LIBVIRT_FLAG_SINCE)
    assert set(strategy.qmp_capabilities) <= set(QMP_CAPABILITY_SINCE)
    chosen = {option.key: option.at_most for option in strategy.options}
    assert set(strategy.libvirt_parameters(chosen)) <= set(LIBVIRT_PARAMETERS)
    assert set(strategy.qmp_parameters(chosen)) <= set(QMP_PARAMETER_SINCE)
    assert strategy.uses_postcopy == ("VIR_MIGRATE_POSTCOPY" in strategy.libvirt_flags)
    # libvirt refuses post-copy of a guest that it suspends first.
    assert not (strategy.uses_postcopy and strategy.suspends_first)
    assert strategy.suspends_first == ("VIR_MIGRATE_LIVE" not in strategy.libvirt_flags)
    assert strategy.drivers
    # The newest software can do it, or the row would be of no use.
    assert unmet(strategy, *NEWEST) == []


def test_every_feature_is_used_and_names_what_is_there() -> None:
    assert {name for row in STRATEGIES.values() for name in row.features} == set(FEATURES)
    assert {need for feature in FEATURES.values() for need in feature.needs} == {
        "dirty-ring",
        "locked-memory",
        "native-tls",
        "tunnelled-postcopy",
    }


def test_the_four_strategies_ask_what_they_always_have() -> None:
    live, post_copy = ("VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER"), ("VIR_MIGRATE_POSTCOPY",)
    asked = {
        name: (STRATEGIES[name].switch, STRATEGIES[name].suspends_first, STRATEGIES[name].libvirt_flags)
        for name in list(STRATEGIES)[:4]
    }
    assert asked == {
        "pre-copy": ("never", False, live),
        "hybrid": ("after-first-pass", False, live + post_copy),
        "post-copy": ("at-once", False, live + post_copy),
        "stop-and-copy": ("never", True, ("VIR_MIGRATE_PEER2PEER",)),
    }
    assert all(STRATEGIES[name].libvirt_parameters(STRATEGIES[name].defaults) == {} for name in asked)


def test_versions_follow_from_the_parts() -> None:
    assert STRATEGIES["hybrid"].minimum_libvirt == (1, 3, 3)
    assert STRATEGIES["hybrid"].minimum_qemu == (2, 6, 0)
    assert STRATEGIES["stop-and-copy"].minimum_libvirt == (0, 7, 2)
    assert STRATEGIES["stop-and-copy"].minimum_qemu == (0, 0, 0)
    assert STRATEGIES["multifd-zstd"].minimum_libvirt == (9, 4, 0)
    assert STRATEGIES["multifd"].minimum_qemu == (5, 0, 0)
    # Each of the two is older; together they came with 10.1.
    assert STRATEGIES["multifd-hybrid"].minimum_qemu == (10, 1, 0)
    assert STRATEGIES["zero-copy"].minimum_libvirt == (8, 5, 0)


def test_options_come_in_the_units_of_each_level() -> None:
    xbzrle = STRATEGIES["xbzrle"]
    assert xbzrle.libvirt_parameters({"xbzrle_cache_mib": 2}) == {
        "compression": "xbzrle",
        "compression.xbzrle.cache": 2 << 20,
    }
    assert xbzrle.qmp_parameters({"xbzrle_cache_mib": 2}) == {"xbzrle-cache-size": 2 << 20}
    limited = {"postcopy_bandwidth_limit_mib_per_second": 10}
    assert STRATEGIES["hybrid"].libvirt_parameters(limited) == {"bandwidth.postcopy": 10}
    assert STRATEGIES["hybrid"].qmp_parameters(limited) == {"max-postcopy-bandwidth": 10 << 20}
    assert STRATEGIES["multifd-zstd"].qmp_parameters({"channels": 4}) == {
        "multifd-compression": "zstd",
        "multifd-zstd-level": 1,
        "multifd-channels": 4,
    }
    assert STRATEGIES["tls-hybrid"].nova_options == {
        "live_migration_permit_post_copy": True,
        "live_migration_with_native_tls": True,
    }


def test_each_level_says_what_it_has_no_way_to_ask_for() -> None:
    assert STRATEGIES["dirty-limit"].drivers == ("qmp",)
    assert STRATEGIES["tunnelled-hybrid"].drivers == ("libvirt",)
    assert STRATEGIES["tls-hybrid"].drivers == ("libvirt", "qmp", "nova")
    assert "nova" not in STRATEGIES["stop-and-copy"].drivers


def test_old_software_is_named() -> None:
    assert unmet(STRATEGIES["hybrid"], (11, 3, 0), (10, 0, 13)) == []
    assert unmet(STRATEGIES["hybrid"], (1, 2, 0), (2, 5, 0)) == [
        "libvirt 1.2.0 was found, but the strategy hybrid needs libvirt 1.3.3 or newer: update libvirt on both hosts.",
        "QEMU 2.5.0 was found, but the strategy hybrid needs QEMU 2.6.0 or newer: update QEMU on both hosts.",
    ]
    (sentence,) = unmet(STRATEGIES["multifd-hybrid"], (11, 3, 0), (10, 0, 13))
    assert "needs QEMU 10.1.0 or newer" in sentence


def test_a_passed_through_device_excludes_post_copy() -> None:
    (sentence,) = unmet(STRATEGIES["post-copy"], (11, 3, 0), (10, 0, 13), {"hostdev"})
    assert EXCLUSIONS[0].reason in sentence
    assert unmet(STRATEGIES["pre-copy"], (11, 3, 0), (10, 0, 13), {"hostdev"}) == []


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        (("xbzrle", "multifd"), "one connection"),
        (("auto-converge", "dirty-limit"), "slow the guest down"),
        (("multifd", "zero-copy", "tls"), "encryption"),
        (("multifd-zstd", "zero-copy"), "compression"),
        (("multifd", "tunnel"), "tunnel is one connection"),
        (("post-copy", "preempt", "tunnel"), "tunnel is one connection"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_reason(features: tuple[str, ...], reason: str) -> None:
    switch = "after-first-pass" if "post-copy" in features else "never"
    (sentence,) = unmet(Strategy("made-up", "", switch, features), *NEWEST)
    assert reason in sentence


def test_disks_are_not_copied_through_a_tunnel() -> None:
    (sentence,) = unmet(STRATEGIES["tunnelled-pre-copy"], *NEWEST, {"VIR_MIGRATE_NON_SHARED_DISK"})
    assert "beside the tunnel" in sentence
