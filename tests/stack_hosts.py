# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario stack's builder and its tiny sources, and playbooks on the hosts of it and of the scenario built."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOSTS = str(ROOT / "molecule/inventory/hosts.yml")
SOURCES = ROOT / ".site/molecule/sources"


def begin(name: str, *arguments: str, scenario: str = "stack", **variables: Any) -> subprocess.Popen[str]:
    """A playbook of the collection, or one of the scenario, where molecule runs it; what it says is its output."""
    inventories = ("inventories/quickstart", "molecule/inventory", f"molecule/inventory_{scenario}")
    command = ["ansible-playbook", *(f"--inventory={ROOT / inventory}" for inventory in inventories)]
    command += [*arguments, f"--extra-vars={json.dumps(variables)}", name]
    # As it is set by molecule, Ansible tells of failures on the other stream.
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT / "molecule" / scenario, start_new_session=True, **output)


def succeed(name: str, *arguments: str, scenario: str = "stack", **variables: Any) -> str:
    """What is said by a playbook that does not fail."""
    running = begin(name, *arguments, scenario=scenario, **variables)
    said, _nothing = running.communicate()
    assert running.returncode == 0, said
    return said


def refusal(name: str, *arguments: str, **variables: Any) -> str:
    """What is said by a playbook that fails."""
    running = begin(name, *arguments, **variables)
    said, _nothing = running.communicate()
    assert running.returncode != 0
    # It may fold long lines.
    return " ".join(said.split())
