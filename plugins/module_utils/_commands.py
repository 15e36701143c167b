# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each level is asked for a strategy, to copy: QEMU's monitor, libvirt's shell, Nova's configuration."""

from __future__ import annotations

import json
import math
import shlex
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._reach import MIGRATION_PORTS
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers import _libvirt, _qmp
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._history import LAST
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._options import options as nova_options
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

# Options of virsh migrate by libvirt's flag or typed parameter; those with a value take it.
_FLAGS = {
    "VIR_MIGRATE_LIVE": "--live",
    "VIR_MIGRATE_PEER2PEER": "--p2p",
    "VIR_MIGRATE_POSTCOPY": "--postcopy",
    "VIR_MIGRATE_AUTO_CONVERGE": "--auto-converge",
    "VIR_MIGRATE_PARALLEL": "--parallel",
    "VIR_MIGRATE_COMPRESSED": "--compressed",
    "VIR_MIGRATE_ZEROCOPY": "--zerocopy",
    "VIR_MIGRATE_TLS": "--tls",
    "VIR_MIGRATE_TUNNELLED": "--tunnelled",
    "VIR_MIGRATE_PERSIST_DEST": "--persistent",
    "VIR_MIGRATE_UNDEFINE_SOURCE": "--undefinesource",
}
_PARAMETERS = {
    "bandwidth": "--bandwidth",
    "bandwidth.postcopy": "--postcopy-bandwidth",
    "auto_converge.initial": "--auto-converge-initial",
    "auto_converge.increment": "--auto-converge-increment",
    "parallel.connections": "--parallel-connections",
    "compression": "--comp-methods",
    "compression.zlib.level": "--comp-zlib-level",
    "compression.zstd.level": "--comp-zstd-level",
    "compression.xbzrle.cache": "--comp-xbzrle-cache",
    "tls.destination": "--tls-destination",
    "migrate_uri": "--migrateuri",
}
# Nova counts its time limit by GiB of memory, of which it takes a guest to have two at least.
_LEAST_GIB = 2


def commands(scenario: Scenario, destination: Host, persistent: bool, first_pass_seconds: float) -> dict[str, Any]:
    """Return what to enter at each level, as lines: "qemu", "libvirt", "nova" (empty where Nova has no way).

    first_pass_seconds is when a hybrid is to switch, which Nova does by its time limit.
    """
    request = _libvirt.migration_request(scenario, destination, persistent)
    return {
        "qemu": _qemu(scenario, destination) if "qmp" in scenario.strategy.row.drivers else [],
        "libvirt": _virsh(scenario, request),
        "nova": _nova(scenario, first_pass_seconds),
    }


def _qemu(scenario: Scenario, destination: Host) -> list[str]:
    """Commands of QMP at the source; the capabilities and parameters of the first two are to be set at both ends."""
    row, request = scenario.strategy.row, _qmp.migration_request(scenario)
    states = [{"capability": name, "state": state} for name, state in request["capabilities"].items()]
    told: list[tuple[str, Mapping[str, Any]]] = [
        ("migrate-set-capabilities", {"capabilities": states}),
        ("migrate-set-parameters", request["parameters"]),
    ]
    if row.suspends_first:
        told.append(("stop", {}))
    told.append(("migrate", {"uri": f"tcp:{destination.migration_address}:{MIGRATION_PORTS[0]}"}))
    if row.uses_postcopy:
        told.append(("migrate-start-postcopy", {}))
    return [json.dumps({"execute": name, **({"arguments": found} if found else {})}) for name, found in told]


def _virsh(scenario: Scenario, request: Mapping[str, Any]) -> list[str]:
    """Commands of virsh on the source; the second is for another shell while the first runs."""
    guest, row = scenario.guest.name, scenario.strategy.row
    words = ["virsh", "migrate", *(_FLAGS[flag] for flag in request["flags"])]
    if row.switch == "after-first-pass":
        words.append("--postcopy-after-precopy")
    for name, value in request["parameters"].items():
        words += [_PARAMETERS[name], str(value)]
    lines = [shlex.join([*words, guest, request["destination_uri"]])]
    if not row.uses_postcopy:
        lines.append(shlex.join(["virsh", "migrate-setmaxdowntime", guest, str(scenario.strategy.downtime_limit_ms)]))
    elif row.switch == "at-once":
        lines.append(shlex.join(["virsh", "migrate-postcopy", guest]))
    return lines


def _nova(scenario: Scenario, first_pass_seconds: float) -> list[str]:
    """Lines of nova.conf on the compute hosts; Nova's time limit is what makes it switch, or stop the guest."""
    row = scenario.strategy.row
    if {"multifd", "xbzrle", "zero-copy", "multifd-zlib", "multifd-zstd"} & set(row.features):
        return []
    memory_mib = getattr(scenario.guest, "memory_mib", 0)
    gib = max(_LEAST_GIB, math.ceil(memory_mib / 1024))
    asked: dict[str, Any] = {
        "downtime_ms": max(100, scenario.strategy.downtime_limit_ms),
        "post_copy": row.uses_postcopy,
        "auto_converge": "auto-converge" in row.features,
    }
    if row.uses_postcopy or row.suspends_first:
        asked["at_timeout"] = "switch-to-post-copy" if row.uses_postcopy else "suspend"
        asked["completion_timeout_seconds"] = max(1, math.ceil(first_pass_seconds / gib))
    sections = nova_options(f"{LAST}.0.0", asked)
    return [
        line
        for section, found in sections.items()
        for line in (f"[{section}]", *(f"{name} = {str(value)}" for name, value in found.items()))
    ]
