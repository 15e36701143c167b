# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is asked in the field's terms to the options of one release of Nova."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._history import (
    FIRST,
    OPTIONS,
    name_of,
    release_of,
)

# What happens at the time limit, in Nova's words. Its force_complete is a switch to post-copy where that is permitted,
# and else a suspended guest (stop-and-copy).
TIMEOUT_ACTIONS = {"abort": "abort", "switch-to-post-copy": "force_complete", "suspend": "force_complete"}

_NUMBERS = {
    "bandwidth_mib_per_second": "live_migration_bandwidth",
    "downtime_ms": "live_migration_downtime",
    "downtime_steps": "live_migration_downtime_steps",
    "downtime_delay_seconds": "live_migration_downtime_delay",
    "completion_timeout_seconds": "live_migration_completion_timeout",
    "parallel_connections": "live_migration_parallel_connections",
    "concurrent_migrations": "max_concurrent_live_migrations",
}
_SWITCHES = {
    "post_copy": "live_migration_permit_post_copy",
    "auto_converge": "live_migration_permit_auto_converge",
    "native_tls": "live_migration_with_native_tls",
}
# What an option is where a release does not know it: asking for that asks for nothing.
_WITHOUT: dict[str, Any] = {
    "post_copy": False,
    "auto_converge": False,
    "native_tls": False,
    "at_timeout": "abort",
    "parallel_connections": 1,
}
_FLAGS = ("VIR_MIGRATE_UNDEFINE_SOURCE", "VIR_MIGRATE_PEER2PEER", "VIR_MIGRATE_LIVE")
_BLOCK_FLAG = "VIR_MIGRATE_NON_SHARED_INC"
_TUNNEL_FLAG = "VIR_MIGRATE_TUNNELLED"


def options(version: str, asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Section → option → value for the release of *version*; what is asked as None is left as it is.

    InstrumentError names what the release cannot do.
    """
    release = release_of(version)
    if release < FIRST:
        raise InstrumentError(
            f"Nova is {version}, but its options are known from {name_of(FIRST)} (2014.2) on: deploy a newer one."
        )
    wanted = {key: value for key, value in asked.items() if value is not None}
    _check_timeout(wanted)
    found: dict[str, dict[str, Any]] = {}
    for key, value in wanted.items():
        for name, setting in _of(key, value, release).items():
            _check(key, name, value, release)
            found.setdefault(OPTIONS[name].section, {})[name] = setting
    return found


def mutable(version: str) -> list[str]:
    """Options that a running service of this release takes over on SIGHUP."""
    return sorted(name for name, option in OPTIONS.items() if option.is_mutable_in(release_of(version)))


def _of(key: str, value: Any, release: int) -> dict[str, Any]:
    """The options that say this in the release; empty where it is so anyway."""
    if key == "tunnelled" and not OPTIONS["live_migration_tunnelled"].is_in(release):
        flags = [*_FLAGS, *([_TUNNEL_FLAG] if value else [])]
        return {"live_migration_flag": ", ".join(flags), "block_migration_flag": ", ".join([*flags, _BLOCK_FLAG])}
    if key == "transport" and not OPTIONS["live_migration_scheme"].is_in(release):
        return {"live_migration_uri": f"qemu+{value}://%s/system"}
    names = {
        "transport": "live_migration_scheme",
        "tunnelled": "live_migration_tunnelled",
        "inbound_address": "live_migration_inbound_addr",
        "at_timeout": "live_migration_timeout_action",
        **_NUMBERS,
        **_SWITCHES,
    }
    name = names[key]
    if not OPTIONS[name].is_in(release) and value == _WITHOUT.get(key):
        return {}
    return {name: TIMEOUT_ACTIONS[value] if key == "at_timeout" else value}


def _check(key: str, name: str, value: Any, release: int) -> None:
    option = OPTIONS[name]
    if not option.is_in(release):
        raise InstrumentError(
            f"nova_{key} is {value}, but Nova {name_of(release)} has no {name}, which came with {name_of(option.since)}"
            f": leave nova_{key} unset, or deploy a release that has it."
        )
    least = option.minimum_in(release)
    if key in _NUMBERS and value < least:
        raise InstrumentError(f"nova_{key} is {value}, but Nova {name_of(release)} takes {least} or more: set that.")


def _check_timeout(wanted: Mapping[str, Any]) -> None:
    action, post_copy = wanted.get("at_timeout"), wanted.get("post_copy")
    if action == "switch-to-post-copy" and not post_copy:
        raise InstrumentError(
            "nova_at_timeout is switch-to-post-copy, but post-copy is not permitted: set nova_post_copy to true, or "
            "nova_at_timeout to suspend or abort."
        )
    if action == "suspend" and post_copy is not False:
        raise InstrumentError(
            "nova_at_timeout is suspend, but Nova suspends a guest only where post-copy is not permitted: set "
            "nova_post_copy to false, or nova_at_timeout to switch-to-post-copy."
        )
