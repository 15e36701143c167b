# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The two virtual machines as the measuring instrument takes them."""

from __future__ import annotations

import pytest
from measured_pair import pair_of
from nested_hosts import INVENTORY

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host


@pytest.fixture(scope="session")
def pair() -> list[Host]:
    """Both compute hosts."""
    return pair_of(INVENTORY)
