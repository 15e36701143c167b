# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The tests' two hosts, and a guest that moves between them through libvirt's tunnel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from measured_pair import pair_of
from quickstart_hosts import INVENTORY
from tunnelled_guest import TunnelledGuest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed


@pytest.fixture(scope="session")
def pair() -> list[Host]:
    """Both compute hosts."""
    return pair_of(INVENTORY)


@pytest.fixture
def guest(pair: list[Host]) -> Iterator[TunnelledGuest]:
    """The guest, dirtying its memory."""
    with open_testbed(pair, "a test") as testbed:
        guest = TunnelledGuest(testbed)
        guest.dirty()
        yield guest
