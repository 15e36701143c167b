# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a strategy really took place, judged on runs that were really made (real_runs.json, reduced to the evidence).

They were made between two containers of a busy machine, guests of 384 MiB on TCG, QEMU 11.1.3, libvirt 11.3.0.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _validators_strategy as rules
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Finding, Observation
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

RUNS: dict[str, Any] = json.loads(Path(__file__).with_name("real_runs.json").read_text())
ALL: tuple[Callable[[Observation], Finding], ...] = (
    rules.in_force,
    rules.throttled,
    rules.channels_used,
    rules.xbzrle_used,
    rules.zero_copied,
    rules.encrypted,
    rules.tunnelled,
    rules.recovered,
)
OF_FEATURE = {
    "auto-converge": {"throttled"},
    "multifd": {"channels_used"},
    "multifd-zlib": {"channels_used"},
    "multifd-zstd": {"channels_used"},
    "multifd-hybrid": {"channels_used"},
    "preempt-hybrid": {"channels_used"},
    "xbzrle": {"xbzrle_used"},
    "tls-pre-copy": {"encrypted"},
    "tls-hybrid": {"encrypted"},
    "tunnelled-pre-copy": {"tunnelled"},
}


def judged(run: dict[str, Any]) -> dict[str, bool | None]:
    """What each rule says of a run."""
    return {finding.name: finding.passed for finding in (rule(run) for rule in ALL)}


def relabelled(name: str, strategy: str) -> dict[str, Any]:
    """A run that was made by one strategy and is told to be another's."""
    run = copy.deepcopy(RUNS[name])
    run["scenario"]["strategy"] = {**run["scenario"]["strategy"], "name": strategy, **STRATEGIES[strategy].defaults}
    return run


@pytest.mark.parametrize("name", [name for name in RUNS if name in STRATEGIES])
def test_a_run_shows_what_its_strategy_is_made_of(name: str) -> None:
    found = judged(RUNS[name])
    assert {rule for rule, passed in found.items() if passed is False} == set()
    assert {rule for rule, passed in found.items() if passed} == {"in_force", *OF_FEATURE.get(name, ())}


def test_a_guest_that_had_no_need_of_a_throttle_moved_by_pre_copy() -> None:
    finding = rules.throttled(RUNS["auto-converge-idle"])
    assert (finding.passed, finding.sentence) == (
        False,
        "The auto-converge migration was in fact pre-copy: the guest was never slowed down.",
    )


@pytest.mark.parametrize(
    ("made_by", "told_as", "failed"),
    [
        ("pre-copy", "auto-converge", {"in_force", "throttled"}),
        ("pre-copy", "multifd", {"in_force", "channels_used"}),
        ("pre-copy", "xbzrle", {"in_force", "xbzrle_used"}),
        ("pre-copy", "tls-pre-copy", {"in_force", "encrypted"}),
        ("pre-copy", "tunnelled-pre-copy", {"tunnelled"}),
        ("pre-copy", "hybrid", {"in_force"}),
        ("pre-copy", "zero-copy", {"in_force", "channels_used"}),
        ("tunnelled-pre-copy", "tls-pre-copy", {"in_force", "encrypted"}),
        ("multifd", "multifd-zstd", {"in_force"}),
    ],
)
def test_a_run_that_went_another_way_is_found_out(made_by: str, told_as: str, failed: set[str]) -> None:
    assert {rule for rule, passed in judged(relabelled(made_by, told_as)).items() if passed is False} >= failed


def test_fewer_connections_than_channels_are_too_few() -> None:
    run = copy.deepcopy(RUNS["multifd"])
    run["scenario"]["strategy"]["channels"] = 8
    run["migration"]["qemu"]["parameters"]["multifd-channels"] = 8
    finding = rules.channels_used(run)
    assert (finding.passed, finding.sentence) == (False, "QEMU had 3 connections at once; multifd needs 9.")


def test_a_kernel_that_copied_in_every_pass_was_not_asked_for_zero_copy() -> None:
    # Made up: no kernel here may be asked for it.
    run = relabelled("multifd", "zero-copy")
    memory = run["migration"]["qemu"]["statistics"]["ram"]
    memory.update({"dirty-sync-count": 4, "dirty-sync-missed-zero-copy": 4})
    assert rules.zero_copied(run).passed is False
    memory["dirty-sync-missed-zero-copy"] = 1
    assert rules.zero_copied(run).passed is True


def test_runs_from_before_there_was_evidence_are_not_judged_by_it() -> None:
    run = copy.deepcopy(RUNS["hybrid"])
    del run["migration"]["qemu"]
    assert rules.in_force(run).passed is None
