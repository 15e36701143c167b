# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The tests' two hosts as the measuring instrument takes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from quickstart_hosts import INVENTORY
from testinfra.utils.ansible_runner import AnsibleRunner

from ansible_collections.stsm.live_migration.plugins.filter.measured_hosts import measured_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, open_testbed


@pytest.fixture(scope="session")
def pair() -> list[Host]:
    """Both compute hosts."""
    runner = AnsibleRunner(str(INVENTORY))
    hostvars = {name: runner.get_variables(name) for name in runner.get_hosts("compute")}
    return [Host(**option) for option in measured_hosts(sorted(hostvars), hostvars)]


@pytest.fixture
def testbed(pair: list[Host]) -> Iterator[Testbed]:
    """Both hosts, held for one test."""
    with open_testbed(pair, "a test") as testbed:
        yield testbed
