# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""argument_specs are the single source of a role's inputs: defaults say the same, values included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lint._checkout import ROOT, roles

ROLES = roles()


def load(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def specs(role: str) -> dict[str, Any]:
    entry_points: dict[str, Any] = load(ROOT / "roles" / role / "meta" / "argument_specs.yml").get("argument_specs", {})
    return entry_points


def options(role: str) -> dict[str, dict[str, Any]]:
    """Return the options of all entry points together; the same name must mean the same everywhere."""
    together: dict[str, dict[str, Any]] = {}
    for entry_point in specs(role).values():
        for name, option in (entry_point.get("options") or {}).items():
            assert together.setdefault(name, option) == option, f"{name} differs between entry points"
    return together


@pytest.mark.parametrize("role", ROLES)
def test_defaults_equal_argument_specs(role: str) -> None:
    specified = {name: option["default"] for name, option in options(role).items() if "default" in option}
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    # A default computed from the inventory has no value that the documentation could show as one of its type.
    # One that is null leaves the site's own setting alone.
    computed = {name for name, value in defaults.items() if value is None or "{{" in repr(value)}
    assert {name: value for name, value in defaults.items() if name in specified or name not in computed} == specified
    assert set(defaults) - set(options(role)) == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_documented_and_belongs_to_the_role(role: str) -> None:
    assert "main" in specs(role)
    for name, option in options(role).items():
        assert name.startswith(f"{role}_"), name
        assert option.get("description"), name
        assert not (option.get("required") and "default" in option), name


@pytest.mark.parametrize("role", ROLES)
def test_entry_points_are_task_files(role: str) -> None:
    missing = [name for name in specs(role) if not (ROOT / "roles" / role / "tasks" / f"{name}.yml").exists()]
    assert missing == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_what_it_is(role: str) -> None:
    assert (ROOT / "roles" / role / "README.md").exists()
    meta = load(ROOT / "roles" / role / "meta" / "main.yml")
    assert meta["dependencies"] == []
    assert meta["galaxy_info"]["license"] == "GPL-3.0-or-later"
