# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The builder of the tests' hosts."""

from __future__ import annotations

import pytest
from stack_hosts import HOSTS
from testinfra.host import Host


@pytest.fixture(scope="session")
def builder() -> Host:
    """The host that builds, over SSH."""
    return Host.get_host("ansible://builder1", ansible_inventory=HOSTS)
