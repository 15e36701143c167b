# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic campaigns whose truth is known: records as a campaign writes them, with figures drawn by the test."""

from __future__ import annotations

import copy
import functools
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import PlannedRun, planned
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import cell_key
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record as real_record

_NUMBERS = itertools.count(1)

SITE: dict[str, Any] = {"link": {"rate_mbit_per_second": 1000.0, "mtu": 1500}, "guest": {"accelerator": "kvm"}}

# What a run shows: figures of the summary by name, None for one that its time limit ended.
Figures = Mapping[str, Any]


@functools.lru_cache(maxsize=1)
def _template() -> str:
    return json.dumps({key: value for key, value in real_record().items() if key != "raw"})


def run_of(scenario: Scenario, figures: Figures | None) -> dict[str, Any]:
    """Return a record of a scenario; without figures one that did not converge."""
    record: dict[str, Any] = json.loads(_template())
    number = next(_NUMBERS)
    record.update(
        run_id=f"run-{number}",
        group_id=f"group-{number}",
        scenario=scenario.to_dict(),
        scenario_hash=scenario.hash,
        cell_key=cell_key(scenario.hash, record["builds"]),
        outcome="not_converged" if figures is None else "completed",
        valid=True,
    )
    record["summary"].update(figures or {})
    return record


def campaign(
    definition: Definition,
    draw: Callable[[Mapping[str, Any]], Figures | None],
    runs: int,
    site: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return so many runs of each cell that can be measured; draw gives a run's figures from its cell."""
    return [
        run_of(replace(one.scenario, repetition=repetition), draw(one.cell))
        for one in planned(definition, SITE if site is None else site)
        if isinstance(one, PlannedRun)
        for repetition in range(1, runs + 1)
    ]


def define(claim: Mapping[str, Any], **changes: Any) -> Definition:
    """Return a campaign of one claim over two strategies and three dirty rates."""
    axes = {"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25, 0.5, 1.6]}
    full = {"id": "C0", "experiment": "mine", "statement": "It is so.", "source": "a post", **claim}
    return Definition.from_dict(copy.deepcopy({"axes": axes, "claims": [full], **changes}))
