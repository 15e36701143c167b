# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The builder, and playbooks on the tests' hosts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
INVENTORIES = ("inventories/quickstart", "molecule/inventory", "molecule/inventory_stack")


@pytest.fixture(scope="session")
def builder() -> Host:
    """The host that builds, over SSH."""
    return Host.get_host("ansible://builder1", ansible_inventory=str(ROOT / "molecule/inventory/hosts.yml"))


def play(name: str, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection, or a file, where molecule runs them."""
    command = ["ansible-playbook", *(f"--inventory={ROOT / inventory}" for inventory in INVENTORIES)]
    command += [*arguments, f"--extra-vars={json.dumps(variables)}", name]
    return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
