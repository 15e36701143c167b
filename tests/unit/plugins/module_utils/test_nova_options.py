# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""From the field's terms to Nova's options, for every release that the table knows."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._history import (
    FIRST,
    LAST,
    OPTIONS,
    name_of,
    release_of,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._options import mutable, options
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._refusals import refusals

VERSIONS = ["2014.2.4", "2015.1.0", *(f"{number}.0.1" for number in range(12, LAST + 1))]
NAMES = dict(zip(VERSIONS, range(FIRST, LAST + 1), strict=True))
PLAIN = {
    "post_copy": False,
    "auto_converge": False,
    "native_tls": False,
    "tunnelled": False,
    "transport": "tls",
    "bandwidth_mib_per_second": 0,
}
POST_COPY = {"post_copy": True, "at_timeout": "switch-to-post-copy", "completion_timeout_seconds": 15}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_is_recognised_by_its_own_version(version: str) -> None:
    assert release_of(version) == NAMES[version]


def test_releases_are_called_as_people_call_them() -> None:
    assert [name_of(number) for number in (FIRST, 14, 19, 25, 26, 27, 31, LAST)] == [
        *("Juno", "Newton", "Stein", "Yoga", "Zed", "2023.1", "2025.1", "2026.1")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_plain_pre_copy_can_be_said_in_every_release(version: str) -> None:
    release = release_of(version)
    found = options(version, PLAIN)["libvirt"]
    assert set(found) <= {name for name, option in OPTIONS.items() if option.is_in(release)}
    assert found["live_migration_bandwidth"] == 0
    if release >= 15:
        assert found["live_migration_scheme"] == "tls"
    else:
        assert found["live_migration_uri"] == "qemu+tls://%s/system"
    if release <= 12:
        assert "VIR_MIGRATE_TUNNELLED" not in found["live_migration_flag"]
        assert found["block_migration_flag"] == f"{found['live_migration_flag']}, VIR_MIGRATE_NON_SHARED_INC"
        assert "live_migration_tunnelled" not in found
    else:
        assert found["live_migration_tunnelled"] is False
    assert found.get("live_migration_permit_post_copy") == (False if release >= 14 else None)
    assert found.get("live_migration_with_native_tls") == (False if release >= 19 else None)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tunnel_can_be_asked_of_every_release(version: str) -> None:
    found = options(version, {"tunnelled": True})["libvirt"]
    if release_of(version) <= 12:
        assert "VIR_MIGRATE_LIVE, VIR_MIGRATE_TUNNELLED" in found["live_migration_flag"]
    else:
        assert found == {"live_migration_tunnelled": True}


@pytest.mark.parametrize("version", VERSIONS)
def test_post_copy_after_a_time_limit_needs_stein(version: str) -> None:
    release = release_of(version)
    if release >= 19:
        assert options(version, POST_COPY)["libvirt"] == {
            "live_migration_permit_post_copy": True,
            "live_migration_timeout_action": "force_complete",
            "live_migration_completion_timeout": 15,
        }
        return
    needed = "live_migration_permit_post_copy" if release < 14 else "live_migration_timeout_action"
    with pytest.raises(InstrumentError, match=f"Nova {name_of(release)} has no {needed}, which came with"):
        options(version, POST_COPY)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_downtime_ramp_and_concurrency_need_liberty(version: str) -> None:
    ramp = {"downtime_ms": 300, "downtime_steps": 3, "downtime_delay_seconds": 3, "concurrent_migrations": 2}
    if release_of(version) < 12:
        with pytest.raises(InstrumentError, match="which came with Liberty"):
            options(version, ramp)
        return
    found = options(version, ramp)
    assert found["libvirt"]["live_migration_downtime"] == 300
    assert found["DEFAULT"] == {"max_concurrent_live_migrations": 2}


@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_time_limit_changes_without_a_restart(version: str) -> None:
    release = release_of(version)
    expected = ["live_migration_completion_timeout"] if release >= 14 else []
    assert mutable(version) == expected + (["live_migration_timeout_action"] if release >= 19 else [])


@pytest.mark.parametrize("version", VERSIONS)
def test_several_connections_need_the_newest_release(version: str) -> None:
    assert options(version, {"parallel_connections": 1}).get("libvirt", {}) in (
        {},
        {"live_migration_parallel_connections": 1},
    )
    if release_of(version) < 33:
        with pytest.raises(InstrumentError, match="which came with 2026.1"):
            options(version, {"parallel_connections": 4})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"at_timeout": "switch-to-post-copy"}, "set nova_post_copy to true"),
        ({"at_timeout": "suspend", "post_copy": True}, "set nova_post_copy to false"),
        ({"at_timeout": "suspend"}, "set nova_post_copy to false"),
        ({"downtime_ms": 50}, "takes 100 or more"),
        ({"downtime_steps": 2}, "takes 3 or more"),
        ({"bandwidth_mib_per_second": -1}, "takes 0 or more"),
    ],
)
def test_what_contradicts_itself_is_refused(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InstrumentError, match=sentence):
        options("31.0.0", asked)


def test_a_release_before_the_table_is_refused() -> None:
    with pytest.raises(InstrumentError, match="known from Juno"):
        options("2014.1.5", PLAIN)


def test_a_release_after_the_table_is_taken_to_be_like_the_last() -> None:
    assert options("99.0.0", POST_COPY) == options(f"{LAST}.0.0", POST_COPY)


def test_nothing_asked_is_nothing_set() -> None:
    assert options("31.0.0", dict.fromkeys(PLAIN)) == {}


GOOD = {"name": "one", "tunnelled_post_copy": False, "post_copy_reason": ""}
BAD = {"name": "two", "tunnelled_post_copy": False, "post_copy_reason": "Userfaultfd not available"}
PATCHED = {"name": "three", "tunnelled_post_copy": True, "post_copy_reason": ""}


@pytest.mark.parametrize(
    ("effective", "hosts", "sentences"),
    [
        ({}, [GOOD, BAD], []),
        ({"live_migration_permit_post_copy": True}, [GOOD], []),
        ({"live_migration_permit_post_copy": True}, [GOOD, BAD], ["QEMU on two cannot do it (Userfaultfd"]),
        ({"live_migration_permit_post_copy": True, "live_migration_tunnelled": True}, [PATCHED], []),
        (
            {"live_migration_permit_post_copy": True, "live_migration_tunnelled": True},
            [PATCHED, GOOD],
            ["libvirt on one refuses"],
        ),
        ({"live_migration_tunnelled": True}, [GOOD], []),
        ({"live_migration_tunnelled": True, "live_migration_with_native_tls": True}, [GOOD], ["does not start"]),
        (
            {"live_migration_permit_post_copy": True, "live_migration_permit_auto_converge": True},
            [GOOD],
            ["never uses auto-converge"],
        ),
    ],
)
def test_what_cannot_go_together_is_named(
    effective: dict[str, Any], hosts: list[dict[str, Any]], sentences: list[str]
) -> None:
    found = refusals(effective, hosts)
    assert len(found) == len(sentences)
    for one, part in zip(found, sentences, strict=True):
        assert part in one
