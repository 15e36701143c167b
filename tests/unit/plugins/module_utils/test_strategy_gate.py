# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies are judged by what both ends really offer; the answers are those of real hosts, with one thing missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_gate import (
    End,
    Wanted,
    obstacles,
    question,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import (
    QMP_CAPABILITY_SINCE,
    QMP_PARAMETER_SINCE,
)

# As two hosts of the demonstration answered (Debian 13 with QEMU 11.1.3), less what no strategy sets.
OFFER: dict[str, Any] = {
    "capabilities": sorted(QMP_CAPABILITY_SINCE),
    "parameters": sorted(QMP_PARAMETER_SINCE),
    "refusals": {},
    "userfaultfd_by_libvirt": False,
    "missing_constants": [],
    "migration_features": ["live", "uri_transports"],
    "tls_refusal": None,
    "locks_memory": True,
}


def end(number: int, on_kvm: bool = False, **offer: Any) -> End:
    """One of two hosts; offer replaces parts of what it offers."""
    return End(f"compute{number}", (11, 3, 0), (11, 1, 3), {**OFFER, **offer}, on_kvm)


def words(name: str, other: End, driver: str = "libvirt") -> list[tuple[str, str]]:
    """What keeps a whole host and another one from a strategy."""
    return obstacles(
        Wanted(STRATEGIES[name], driver), end(1, on_kvm=True, migration_features=["tunnelled_postcopy"]), other
    )


def test_two_whole_hosts_can_do_all_that_their_level_can() -> None:
    whole = end(2, on_kvm=True, migration_features=["live", "tunnelled_postcopy"])
    for name, row in STRATEGIES.items():
        for driver in ("libvirt", "qmp"):
            assert bool(words(name, whole, driver)) == (driver not in row.drivers), name


@pytest.mark.parametrize(
    ("strategy", "other", "driver", "sentence"),
    [
        ("tunnelled-hybrid", end(2), "libvirt", "its host capabilities do not list tunnelled_postcopy"),
        (
            "tls-hybrid",
            end(2, tls_refusal="Cannot load certificate '/etc/pki/qemu/server-cert.pem'"),
            "libvirt",
            "QEMU on compute2 cannot use the certificates of its native TLS (Cannot load certificate",
        ),
        (
            "multifd-zstd",
            end(2, refusals={"multifd-zstd": "Parameter 'zstd' is not known"}),
            "libvirt",
            "'zstd' is not",
        ),
        ("zero-copy", end(2, locks_memory=False), "libvirt", "compute2 does not let a process lock the guest's memory"),
        ("dirty-limit", end(2), "qmp", "Guests on compute2 do not run on KVM, which alone has the dirty ring"),
        ("dirty-limit", end(2), "libvirt", "The driver libvirt has no way to ask for the strategy dirty-limit"),
        ("tunnelled-pre-copy", end(2), "qmp", "set driver to libvirt"),
        (
            "multifd",
            end(2, missing_constants=["VIR_MIGRATE_PARALLEL"]),
            "libvirt",
            "Python's libvirt on compute2 lacks VIR_MIGRATE_PARALLEL",
        ),
        (
            "preempt-hybrid",
            end(2, capabilities=["postcopy-ram"]),
            "libvirt",
            "the migration capability postcopy-preempt",
        ),
        ("hybrid", end(2, userfaultfd_by_libvirt=True), "qmp", "may use userfaultfd only where libvirt starts it"),
        ("multifd", end(2, parameters=["multifd-channels"]), "qmp", "the migration parameter multifd-compression"),
    ],
)
def test_what_one_end_lacks_is_said_once(strategy: str, other: End, driver: str, sentence: str) -> None:
    ((_host, said),) = words(strategy, other, driver)
    assert sentence in said
    assert said.endswith(".")
    assert said.count(". ") == 0


def test_userfaultfd_by_libvirt_is_enough_for_what_libvirt_starts() -> None:
    assert words("hybrid", end(2, userfaultfd_by_libvirt=True)) == []


def test_a_version_that_is_too_old_is_said_for_both() -> None:
    old = End("compute2", (11, 3, 0), (10, 0, 13), OFFER)
    ((host, said),) = words("multifd-hybrid", old)
    assert host == "compute1 and compute2"
    assert "needs QEMU 10.1.0 or newer" in said


def test_a_libvirt_that_crashes_at_a_resume_is_refused_unless_it_is_known_to_be_cured() -> None:
    whole = end(1, migration_features=["tunnelled_postcopy"])
    wanted = Wanted(STRATEGIES["hybrid"], recovers=True)
    ((host, said),) = obstacles(wanted, whole, end(2))
    assert host == "compute2"
    assert "libvirt 11.3.0 on compute2 crashes when a post-copy is resumed there" in said
    patch = "11.3.0/0001-qemu-Fix-crash-of-destination-daemon-when-resuming-p.patch"
    assert obstacles(wanted, whole, replace(end(2), patches=(patch,))) == []
    assert obstacles(wanted, whole, replace(end(2), libvirt_version=(12, 0, 0))) == []
    assert obstacles(Wanted(STRATEGIES["hybrid"]), whole, end(2)) == []


def test_nova_is_not_asked_for_a_post_copy_that_libvirt_would_let_it_lose_sight_of() -> None:
    cured = replace(end(1), patches=("11.3.0/0023-qemu-Recognize-new-states-of-migration.patch",))
    ((host, said),) = obstacles(Wanted(STRATEGIES["hybrid"], "nova"), cured, end(2))
    assert host == "compute2"
    assert "libvirt 11.3.0 on compute2 does not know a status that QEMU 11.1.3 has" in said
    assert obstacles(Wanted(STRATEGIES["hybrid"], "nova"), cured, cured) == []
    older = [replace(end(number), qemu_version=(10, 0, 13)) for number in (1, 2)]
    assert obstacles(Wanted(STRATEGIES["hybrid"], "nova"), *older) == []
    assert obstacles(Wanted(STRATEGIES["pre-copy"], "nova"), end(1), end(2)) == []
    assert obstacles(Wanted(STRATEGIES["hybrid"]), end(1), end(2)) == []


def test_a_host_is_asked_for_just_what_the_strategies_set() -> None:
    asked = question(["hybrid", "multifd-zstd"], 2048)
    assert asked["constants"] == [
        "VIR_MIGRATE_COMPRESSED",
        "VIR_MIGRATE_LIVE",
        "VIR_MIGRATE_PARALLEL",
        "VIR_MIGRATE_PARAM_COMPRESSION",
        "VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL",
        "VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS",
        "VIR_MIGRATE_PEER2PEER",
        "VIR_MIGRATE_POSTCOPY",
        "VIR_MIGRATE_POSTCOPY_RESUME",
    ]
    assert asked["trials"]["hybrid"] == {"capabilities": ["postcopy-ram"], "parameters": {}, "dirty_ring": False}
    assert asked["trials"]["multifd-zstd"]["parameters"]["multifd-channels"] == 2
    assert asked["memory_mib"] == 2048
