# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The page of strategies says exactly what the table of strategies has."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import (
    EXCLUSIONS,
    STRATEGIES,
    Exclusion,
    Strategy,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import FEATURES, Option
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import ANY, Version
from lint._checkout import ROOT

OPTIONS = {option.key: option for feature in FEATURES.values() for option in feature.options}


def strategy_row(row: Strategy) -> str:
    """One line of the page's first table."""
    by_libvirt = "libvirt" in row.drivers
    flags = [flag[len("VIR_MIGRATE_") :] for flag in row.libvirt_flags if by_libvirt]
    versions = {"QEMU": row.minimum_qemu, "libvirt": row.minimum_libvirt if by_libvirt else ANY}
    needs = [*(f"{name} {_short(version)}" for name, version in versions.items() if version > ANY), *row.needs]
    cells = (_code([row.name]), _code(flags), _code(row.qmp_capabilities), row.switch, ", ".join(needs))
    return _line((*cells, ", ".join(row.drivers)))


def option_row(option: Option) -> str:
    """One line of the table of what a scenario may choose."""
    having = [row.name for row in STRATEGIES.values() if option in row.options]
    default = "QEMU's own" if option.default is None else str(option.default)
    allowed = f"{option.at_least} to {option.at_most:,}" + (", a power of two" if option.is_power_of_two else "")
    levels = [option.libvirt_parameter, option.qmp_parameter]
    return _line((_code([option.key]), default, allowed, _code(having), _code(levels)))


def exclusion_row(rule: Exclusion) -> str:
    """One line of the table of what does not go together."""
    until = f"QEMU {_short(rule.until)}" if rule.until else ""
    return _line((_code([rule.one]), _code([rule.other]), rule.reason, until))


def _short(version: Version) -> str:
    return ".".join(map(str, version)).removesuffix(".0")


def _code(words: object) -> str:
    return ", ".join(f"`{word}`" for word in words if word)  # type: ignore[attr-defined]


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells).replace("  ", " ") + " |"


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("## The table", [strategy_row(row) for row in STRATEGIES.values()]),
        ("## What a scenario may choose", [option_row(option) for option in OPTIONS.values()]),
        ("## What does not go together", [exclusion_row(rule) for rule in EXCLUSIONS]),
    ],
)
def test_the_page_has_the_table_as_it_is(heading: str, rows: list[str]) -> None:
    text = (ROOT / "docs" / "strategies.md").read_text()
    _before, found, rest = text.partition(f"\n{heading}\n")
    assert found
    section = rest.partition("\n## ")[0].splitlines()
    assert [line for line in section if line.startswith("| `")] == rows
