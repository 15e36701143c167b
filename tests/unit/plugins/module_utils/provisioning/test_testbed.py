# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What check mode announces for hosts that differ in the networks they join and in what they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _links,
    _plan,
    _relay,
    _shaping,
    _testbed,
)

QUIET: dict[str, Any] = {"provisioner_address": None, "host_bridge": None, "rate_mbit_per_second": None, "mtu": 1500}


def announced(state_folder: Path, **changes: Any) -> list[str]:
    plan = _plan.make_testbed(
        {
            "prefix": "t",
            "state_folder": str(state_folder / "state"),
            "image": "/nowhere",
            "authorized_key": "ssh-ed25519 AAAA",
            "devices": [],
            "networks": [
                {**QUIET, "name": "management", "bridge": "t-mgmt", "subnet": "198.18.0.0/24", "delay_ms": 0.0}
                | {"provisioner_address": "198.18.0.1"},
                {**QUIET, "name": "migration", "bridge": "t-mig", "subnet": "198.18.1.0/24", "delay_ms": 2.0},
            ],
            "addresses": {
                "management": {"one": "198.18.0.11", "two": "198.18.0.12"},
                "migration": {"one": "198.18.1.11"},
            },
            "host_networks": {"two": ["management"]},
            **changes,
        }
    )
    relay = _relay.Relay(plan.prefix, "", "198.18.0.1", Path("/nowhere"), plan.state_folder)
    testbed = _testbed.Testbed(plan, relay, check=True)
    testbed.make(0.0)
    return testbed.changes


@pytest.fixture(autouse=True)
def _a_bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(network: str, delay_ms: float) -> None:
        if delay_ms > 0:
            raise MachineError(f"network {network} asks for a delay")

    monkeypatch.setattr(_links, "read_links", dict)
    monkeypatch.setattr(_shaping, "check_delay_is_possible", cannot)


def test_a_host_gets_the_cables_and_folders_that_are_its_own(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    folders = {"two": {str(shared): "/srv"}}
    bridges = ["make bridge t-mgmt", "make bridge t-mig", "start the package relay"]
    cold = [f"make folder {shared}"]
    two = ["lay cable t-mgmt12", "boot host two"]
    assert announced(tmp_path, host_folders=folders, members=["two"]) == [*bridges, "make host two", *cold, *two]
    assert not shared.exists()
    shared.mkdir()
    assert announced(tmp_path, host_folders=folders, members=["two"]) == [*bridges, "make host two", *two]


def test_a_delay_is_asked_of_the_machine_only_where_a_container_joins(tmp_path: Path) -> None:
    assert "boot host two" in announced(tmp_path, members=["two"])
    with pytest.raises(MachineError, match="network migration asks for a delay"):
        announced(tmp_path)
