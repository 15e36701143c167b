# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The page of measurement definitions has exactly what a record has: every key, outcome and validator, and no other."""

from __future__ import annotations

import re

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _guest_choice, _scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import OUTCOMES
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import RECORD, SUMMARY_FIELDS
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import STRATEGY_KEYS
from ansible_collections.stsm.live_migration.plugins.module_utils._validators import VALIDATORS
from lint._checkout import ROOT

DEFINED = {
    "### `guest`": _guest_choice._GUEST_KEYS,
    "### `workload`": _scenario._WORKLOAD_KEYS,
    "### `link`": _scenario._LINK_KEYS,
    "### `strategy`": STRATEGY_KEYS,
    "### `background`": _scenario._BACKGROUND_KEYS,
    "### The rest": tuple(
        key for key in _scenario._SCENARIO_KEYS if key not in ("guest", "workload", "link", "strategy", "background")
    ),
    "## The summary: what is told": tuple(SUMMARY_FIELDS),
    "## Outcome": OUTCOMES,
    "## Validity and validators": tuple(validator.__name__ for validator in VALIDATORS),
    "The **raw series** of a record": tuple(RECORD["properties"]["raw"]["properties"]),
}


@pytest.mark.parametrize("heading", DEFINED)
def test_the_page_defines_what_there_is(heading: str) -> None:
    text = (ROOT / "docs" / "measurement_definitions.md").read_text()
    _before, found, rest = text.partition(f"\n{heading}")
    assert found
    # Up to the next heading of the same level or above; a paragraph's table ends with the page.
    section = re.split(r"^##? " if heading.startswith("## ") else r"^#{2,3} ", rest, flags=re.M)[0]
    rows = re.findall(r"^\| `([^`]+)` \|", section, re.M)
    assert sorted(rows) == sorted(DEFINED[heading])
