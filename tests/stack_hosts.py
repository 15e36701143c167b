# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario stack's builder, its tiny sources, and playbooks on its hosts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOSTS = str(ROOT / "molecule/inventory/hosts.yml")
SOURCES = ROOT / ".site/molecule/sources"
_INVENTORIES = ("inventories/quickstart", "molecule/inventory", "molecule/inventory_stack")


def begin(name: str, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
    """A playbook of the collection, or one of the scenario, where molecule runs it; what it says is its output."""
    command = ["ansible-playbook", *(f"--inventory={ROOT / inventory}" for inventory in _INVENTORIES)]
    command += [*arguments, f"--extra-vars={json.dumps(variables)}", name]
    # As it is set by molecule, Ansible tells of failures on the other stream.
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT / "molecule/stack", start_new_session=True, **output)


def refusal(name: str, *arguments: str, **variables: Any) -> str:
    """What is said by a playbook that fails."""
    running = begin(name, *arguments, **variables)
    said, _nothing = running.communicate()
    assert running.returncode != 0
    # It may fold long lines.
    return " ".join(said.split())
