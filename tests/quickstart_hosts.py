# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario quickstart's two hosts as the measuring instrument takes them, and runs that suit them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

INVENTORY = Path(__file__).parents[1] / "molecule/inventory/hosts.yml"
GUEST_ADDRESS = "198.18.18.100/24"
# This machine's end of compute1's cable to the migration network.
INTERFACE_OF_COMPUTE1 = "stsmt-mig11"


def scenario(strategy: str, **sections: Any) -> Scenario:
    """A short run of a small guest on the quickstart's link."""
    workload = sections.pop("workload", {"working_set_mib": 64, "dirty_rate_mib_per_second": 60})
    return Scenario.from_dict(
        {
            "guest": {"memory_mib": 256, **sections.pop("guest", {})},
            "workload": workload,
            "link": {"rate_mbit_per_second": 1000, "payload_mbit_per_second": 956.5},
            "strategy": {"name": strategy, **sections.pop("strategy", {})},
            "warm_up_seconds": 1,
            "time_limit_seconds": 20,
            **sections,
        }
    )


def benchmark(pair: list[Host], folder: Path, scenario: Scenario) -> Benchmark:
    """A benchmark of the tests' hosts; not calibrated, since that is a test of its own."""
    return Benchmark(pair, scenario, folder, GUEST_ADDRESS, calibrates=False)
