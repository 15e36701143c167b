# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The tests' two hosts as the measuring instrument takes them, on the QEMU that was built."""

from __future__ import annotations

import dataclasses

import pytest
from measured_pair import pair_of
from quickstart_hosts import INVENTORY

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

EMULATOR = "/opt/stsm-live-migration/qemu/current/bin/qemu-system-x86_64"


@pytest.fixture(scope="session")
def pair() -> list[Host]:
    """Both compute hosts."""
    return [dataclasses.replace(host, emulator=EMULATOR) for host in pair_of(INVENTORY)]
