# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What modules say of the collection is what galaxy.yml says."""

from __future__ import annotations

import yaml

from ansible_collections.stsm.live_migration.plugins.module_utils import _version
from lint._checkout import ROOT


def test_modules_know_the_collection() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert f"{galaxy['namespace']}.{galaxy['name']}" == _version.COLLECTION
    assert galaxy["version"] == _version.VERSION
    assert galaxy["repository"] == _version.HOME
