# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests that say whether two measurements are of the same thing."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import virtual_machine_on


def digest(value: Any) -> str:
    """Return the sha256 (64 hexadecimal digits) of a value in JSON types, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def build_ids(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the stack of each host, sorted, so that both directions make one cell.

    hosts are the facts of both ends. A stack is the builds of QEMU and libvirt (a binary without a build id is told by
    its version), the kernel and the guest's workload, and of a host that is a virtual machine what that runs on: a
    change of any measures anew.
    """
    return sorted(
        " ".join(
            (
                _build(facts, "qemu"),
                _build(facts, "libvirt"),
                f"kernel:{facts.get('kernel')}",
                f"workload:{facts.get('workload_digest') or 'none'}",
                *(f"nested:{outer}" for outer in [virtual_machine_on(facts)] if outer),
            )
        )
        for facts in hosts
    )


def cell_key(scenario_hash: str, builds: Sequence[str]) -> str:
    """Return the key that runs of one scenario on one stack share: its repetitions."""
    return digest([scenario_hash, list(builds)])


def _build(facts: Mapping[str, Any], software: str) -> str:
    """Return the build id of one software on one host, or its version."""
    identity = facts.get(software + "_build_id") or facts.get(software + "_version") or "unknown"
    return f"{software}:{identity}"
