# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario's cloud and hosts as the measuring instrument takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from openstack_hosts import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Both compute hosts, the cloud, and a folder for records."""
    return Site.of_the_tests(tmp_path)
