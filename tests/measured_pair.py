# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A scenario's two compute hosts as the measuring instrument takes them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testinfra.utils.ansible_runner import AnsibleRunner

from ansible_collections.stsm.live_migration.plugins.filter.measured_hosts import measured_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

MODULES = "ansible_collections.stsm.live_migration.plugins.modules"
COLLECTIONS = Path(__file__).parents[1] / ".collections"


def pair_of(inventory: Path) -> list[Host]:
    """Both compute hosts of an inventory."""
    runner = AnsibleRunner(str(inventory))
    hostvars = {name: runner.get_variables(name) for name in runner.get_hosts("compute")}
    return [Host(**option) for option in measured_hosts(sorted(hostvars), hostvars)]


def found(record: dict[str, Any], validator: str) -> Any:
    """What a validator of the record says: passed or not."""
    return next(finding["passed"] for finding in record["validators"] if finding["name"] == validator)


def begin_module(name: str, pair: list[Host], **options: Any) -> subprocess.Popen[bytes]:
    """A module of the collection on the tests' hosts in a process of its own, as Ansible starts it."""
    hosts = [{key: value for key, value in asdict(host).items() if value != ""} for host in pair]
    program = (
        f"import sys; sys.path.insert(0, {str(COLLECTIONS)!r}); "
        "from ansible.module_utils.testing import patch_module_args; "
        f"import {MODULES}.{name} as module\n"
        f"with patch_module_args({ {'hosts': hosts, **options}!r}): module.main()"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
