# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What every module owes: its place in the action group, and an integration test."""

from __future__ import annotations

import yaml

from lint._checkout import ROOT, modules


def test_the_action_group_lists_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["all"] == modules()


def test_integration_targets_are_not_named_like_roles() -> None:
    """ansible-test would run the role instead of the target, and be content."""
    names = [path.name for path in (ROOT / "tests" / "integration" / "targets").iterdir() if path.is_dir()]
    assert [name for name in names if not name.startswith(("module_", "setup_"))] == []


def test_nothing_is_exempt_from_sanity() -> None:
    assert list((ROOT / "tests" / "sanity").glob("ignore*")) == []
