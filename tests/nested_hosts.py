# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario nested's two virtual machines, and runs that suit hosts whose every instruction may be emulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

INVENTORY = Path(__file__).parents[1] / "molecule/inventory_nested/hosts.yml"
GUEST_ADDRESS = "198.18.38.100/24"
LINK: dict[str, Any] = {"rate_mbit_per_second": 50}
PAYLOAD_MBIT_PER_SECOND = 47.8
WORKLOAD: dict[str, Any] = {"working_set_mib": 32, "dirty_rate_mib_per_second": 10, "grain_ms": 10}
GUEST: dict[str, Any] = {"memory_mib": 192, "accelerator": "kvm"}


def scenario(strategy: str, **sections: Any) -> Scenario:
    """A short run of a small guest on nested KVM."""
    return Scenario.from_dict(
        {
            "guest": {**GUEST, **sections.pop("guest", {})},
            "workload": WORKLOAD,
            "link": {**LINK, "payload_mbit_per_second": PAYLOAD_MBIT_PER_SECOND},
            "strategy": {"name": strategy},
            "warm_up_seconds": 2,
            "time_limit_seconds": 75,
            **sections,
        }
    )


def benchmark(pair: list[Host], folder: Path, scenario: Scenario) -> Benchmark:
    """A benchmark of the two virtual machines; not calibrated, since that is a test of its own."""
    return Benchmark(pair, scenario, folder, GUEST_ADDRESS, calibrates=False)
