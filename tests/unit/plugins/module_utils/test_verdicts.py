# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on synthetic campaigns: with a known effect, with none, with too few runs, with what cannot be decided."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _statistics, _verdict_file, _verdict_page
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import with_figures
from ansible_collections.stsm.live_migration.plugins.module_utils._judged import plan_of
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import (
    NOT_DECIDABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    UNKNOWN,
    Verdict,
    judge,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._synthetic import SITE, campaign, define

AT = {"dirty_rate_of_link": 0.25}
RATIO = {
    "measure": "ratio",
    "figure": "total_time_ms",
    "cells": {"strategy": "hybrid", **AT},
    "against": {"strategy": "pre-copy", **AT},
    "published": 1.22,
    "tolerance": 0.1,
}


def noisy(chance: random.Random, effect: float, noise: float = 0.02) -> Any:
    """Return runs of about 10 s, of which hybrid takes so many times as long."""

    def draw(cell: Mapping[str, Any]) -> dict[str, float]:
        times = effect if cell["strategy"] == "hybrid" else 1.0
        return {"total_time_ms": 10_000 * times * chance.lognormvariate(0, noise)}

    return draw


def judged(definition: Definition, records: Any, site: Any = None, left_out: Any = (), figures: Any = None) -> Verdict:
    """Return the only verdict of a campaign."""
    claims = with_figures(definition.claims, figures or {})
    (verdict,) = judge(claims, definition, plan_of(definition, SITE if site is None else site, left_out), records)
    return verdict


@pytest.mark.parametrize(
    ("effect", "runs", "expected", "why"),
    [
        (1.22, 8, REPRODUCED, "1.098 to 1.342 was asked for."),
        (1.0, 8, NOT_REPRODUCED, "1.098 to 1.342 was asked for."),
        (2.0, 8, NOT_REPRODUCED, "The ratio of the total time in ms is 2"),
        (1.22, 5, NOT_DECIDABLE, "pre-copy, dirty_rate_of_link 0.25 has 5 valid runs, but 6 are needed."),
        (1.22, 0, NOT_DECIDABLE, "pre-copy, dirty_rate_of_link 0.25 has no valid run, but 6 are needed."),
        # So near to an edge that so few runs cannot tell.
        (1.098, 8, NOT_DECIDABLE, "and the interval reaches across that; about"),
    ],
)
def test_an_effect_is_reproduced_none_is_not_and_too_few_runs_decide_nothing(
    effect: float, runs: int, expected: str, why: str
) -> None:
    definition = define(RATIO)
    verdict = judged(definition, campaign(definition, noisy(random.Random(1), effect), runs))
    assert (verdict.verdict, why in verdict.why) == (expected, True), verdict.why
    assert len(verdict.runs) == 2 * runs


def test_invalid_runs_are_not_behind_a_verdict() -> None:
    definition = define(RATIO)
    records = campaign(definition, noisy(random.Random(1), 1.22), 7)
    for record in records:
        record["valid"] = record["run_id"] != records[0]["run_id"]
    verdict = judged(definition, records)
    assert verdict.verdict == REPRODUCED
    assert records[0]["run_id"] not in verdict.runs and len(verdict.runs) == 13


def test_a_lost_figure_is_never_reproduced_until_a_site_gives_it_with_its_source() -> None:
    definition = define({**RATIO, "published": "unknown"})
    records = campaign(definition, noisy(random.Random(1), 1.22), 8)
    verdict = judged(definition, records)
    assert verdict.verdict == UNKNOWN and "is lost (a post)" in verdict.why
    given = {"C0": {"published": 1.22, "source": "the post's table, read in a library"}}
    verdict = judged(definition, records, figures=given)
    assert verdict.verdict == REPRODUCED
    assert verdict.claim.figure_source == "the post's table, read in a library"


def test_a_cell_that_cannot_be_measured_here_is_named_with_the_reason() -> None:
    axes = {"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25], "driver": ["libvirt", "teleport"]}
    definition = define(RATIO, axes=axes, when_a_cell_cannot_run="leave-out")
    records = campaign(definition, noisy(random.Random(1), 1.22), 8)
    there, nowhere = judge(definition.claims, definition, plan_of(definition, SITE, ()), records)
    assert (there.verdict, there.where) == (REPRODUCED, {"driver": "libvirt"})
    assert (nowhere.verdict, nowhere.where) == (NOT_DECIDABLE, {"driver": "teleport"})
    assert "What it needs cannot be measured here: driver is 'teleport'" in nowhere.why
    left_out = [{"cell": {"strategy": "hybrid", "dirty_rate_of_link": 0.25, "driver": "libvirt"}, "reason": "Too old."}]
    there, _nowhere = judge(definition.claims, definition, plan_of(definition, SITE, left_out), records)
    assert there.verdict == NOT_DECIDABLE and there.why.endswith("cannot be measured here: Too old.")


def test_seconds_are_compared_on_hardware_only_and_at_the_real_size() -> None:
    claim = {
        "measure": "value",
        "figure": "downtime_events_ms",
        "cells": {"strategy": "hybrid", **AT},
        "at_most": 1000,
    }
    definition = define(claim)

    def draw(_cell: Any) -> dict[str, float]:
        return {"downtime_events_ms": 700.0}

    assert judged(definition, campaign(definition, draw, 6)).verdict == REPRODUCED
    emulated = {**SITE, "guest": {"accelerator": "tcg"}}
    verdict = judged(definition, campaign(definition, draw, 6, emulated), emulated)
    assert (verdict.verdict, "tcg" in verdict.why) == (NOT_DECIDABLE, True)
    smaller = {**SITE, "replica": {"rate_scale": 0.1}}
    verdict = judged(definition, campaign(definition, draw, 6, smaller), smaller)
    assert (verdict.verdict, "scaled replica (rates x 0.1)" in verdict.why) == (NOT_DECIDABLE, True)


def test_a_replica_is_judged_apart_from_the_real_size() -> None:
    definition = define(RATIO)
    smaller = {**SITE, "replica": {"rate_scale": 0.1}}
    real, small = (campaign(definition, noisy(random.Random(1), 1.22), 8, site) for site in (SITE, smaller))
    assert judged(definition, [*real, *small]).replica is None
    assert set(judged(definition, [*real, *small]).runs) <= {record["run_id"] for record in real}
    verdict = judged(definition, [*real, *small], smaller)
    assert set(verdict.runs) <= {record["run_id"] for record in small}
    assert "C0 (scaled replica (rates x 0.1)): REPRODUCED" in _verdict_page.lines([verdict])[1]
    assert judged(definition, small).verdict == NOT_DECIDABLE


def test_runs_of_two_stacks_are_not_mixed() -> None:
    definition = define(RATIO)
    old, new = (campaign(definition, noisy(random.Random(1), effect), 8) for effect in (1.22, 1.0))
    for record in new:
        record["builds"] = ["c" * 40, "d" * 40]
        record["cell_key"] = record["cell_key"][::-1]
        for host in record["hosts"].values():
            host["qemu_version"] = "11.1.0"
    verdicts = judge(definition.claims, definition, plan_of(definition, SITE, ()), [*old, *new])
    assert [(verdict.verdict, verdict.stack[:11]) for verdict in verdicts] == [
        (REPRODUCED, "QEMU 10.1.2"),
        (NOT_REPRODUCED, "QEMU 11.1.0"),
    ]


ORDER = {"measure": "order", "figure": "total_time_ms", "cells": {"strategy": "hybrid"}, "over": "dirty_rate_of_link"}


@pytest.mark.parametrize(
    ("times", "expected"),
    [((1, 1.3, 1.6), REPRODUCED), ((1, 1.3, 1.1), NOT_REPRODUCED), ((1, 1.3, 1.3), NOT_DECIDABLE)],
)
def test_an_order_holds_in_each_step(times: tuple[float, float, float], expected: str) -> None:
    definition = define({**ORDER, "at_least": 1})
    chance = random.Random(3)
    by_rate = dict(zip((0.25, 0.5, 1.6), times, strict=True))
    records = campaign(
        definition,
        lambda cell: {"total_time_ms": 10_000 * by_rate[cell["dirty_rate_of_link"]] * chance.lognormvariate(0, 0.01)},
        8,
    )
    assert judged(definition, records).verdict == expected


def test_a_mean_over_an_axis_is_taken_of_each_repetition() -> None:
    claim = {
        "measure": "mean_ratio",
        "figure": "total_time_ms",
        "cells": {"strategy": "hybrid"},
        "against": {"strategy": "pre-copy"},
        "over": "dirty_rate_of_link",
        "published": 0.6,
    }
    definition = define(claim)
    chance = random.Random(9)
    # The ratios differ along the axis (0.4, 0.5 and 0.9), and only their mean is what was published.
    by_rate = {0.25: 0.4, 0.5: 0.5, 1.6: 0.9}

    def draw(cell: Mapping[str, Any]) -> dict[str, float]:
        times = by_rate[cell["dirty_rate_of_link"]] if cell["strategy"] == "hybrid" else 1.0
        return {"total_time_ms": 10_000 * times * chance.lognormvariate(0, 0.03)}

    records = campaign(definition, draw, 7)
    verdict = judged(definition, records)
    assert (verdict.verdict, len(verdict.parts), len(verdict.runs)) == (REPRODUCED, 1, 42)
    # A repetition that one cell lacks is in no mean.
    assert judged(definition, records[:-2]).verdict == NOT_DECIDABLE


def test_a_flat_figure_lies_within_its_spread() -> None:
    claim = {**ORDER, "measure": "spread", "figure": "downtime_network_ms", "at_most": 400}
    definition = define(claim)
    for apart, expected in ((100, REPRODUCED), (900, NOT_REPRODUCED)):
        chance = random.Random(5)
        records = campaign(
            definition,
            lambda cell, apart=apart, chance=chance: {
                "downtime_network_ms": 700 + apart * (cell["dirty_rate_of_link"] == 1.6) + chance.gauss(0, 20)
            },
            8,
        )
        assert judged(definition, records).verdict == expected


@pytest.mark.parametrize(
    ("converges", "bounds", "expected"),
    [
        (True, {"at_least": 0.6}, REPRODUCED),
        (False, {"at_most": 0.4}, REPRODUCED),
        (False, {"at_least": 0.6}, NOT_REPRODUCED),
        # Six of six prove no more than 61 %.
        (True, {"at_least": 0.9}, NOT_DECIDABLE),
    ],
)
def test_how_likely_a_guest_moves(converges: bool, bounds: Mapping[str, float], expected: str) -> None:
    definition = define({"measure": "probability", "cells": {"strategy": "pre-copy", **AT}, **bounds})
    records = campaign(definition, lambda _cell: {"total_time_ms": 9_000} if converges else None, 6)
    verdict = judged(definition, records)
    assert (verdict.verdict, len(verdict.runs)) == (expected, 6)


def test_a_probability_is_pooled_over_its_axis() -> None:
    claim = {"measure": "probability", "cells": {"strategy": "hybrid"}, "over": "dirty_rate_of_link", "at_least": 0.8}
    definition = define(claim)
    verdict = judged(definition, campaign(definition, lambda _cell: {"total_time_ms": 9_000}, 6))
    assert (verdict.verdict, len(verdict.runs)) == (REPRODUCED, 18)


def test_a_cell_that_never_moves_its_guest_has_no_figure() -> None:
    definition = define(RATIO)
    draw = noisy(random.Random(1), 1.22)
    records = campaign(definition, lambda cell: draw(cell) if cell["strategy"] == "hybrid" else None, 8)
    verdict = judged(definition, records)
    assert (verdict.verdict, "No run of pre-copy" in verdict.why) == (NOT_DECIDABLE, True)


def test_without_scipy_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = define(RATIO)
    records = campaign(definition, noisy(random.Random(1), 1.22), 8)
    monkeypatch.setattr(_statistics, "stats", None)
    verdict = judged(definition, records)
    assert (verdict.verdict, "scipy" in verdict.why) == (NOT_DECIDABLE, True)


def test_the_file_follows_its_schema_and_is_the_same_each_time() -> None:
    definition = define(RATIO)
    records = campaign(definition, noisy(random.Random(1), 1.22), 8)
    around = Surroundings({**definition.to_dict(), "site": SITE, "left_out": []})
    verdicts = _verdict_file.verdicts_of(records, around)
    text = _verdict_file.verdicts_text("mine", verdicts, records)
    jsonschema.Draft202012Validator.check_schema(_verdict_file.SCHEMA)
    found = jsonschema.validators.validator_for(_verdict_file.SCHEMA)(_verdict_file.SCHEMA)
    found.validate(json.loads(text))
    assert text == _verdict_file.verdicts_text("mine", _verdict_file.verdicts_of(records, around), records)
    assert json.loads(text)["counts"] == {REPRODUCED: 1, NOT_REPRODUCED: 0, NOT_DECIDABLE: 0, UNKNOWN: 0}


def test_wrong_verdicts_are_as_rare_as_promised() -> None:
    """At the edge of the bounds, where it is hardest, either verdict is as rare as the interval misses on that side."""
    definition = define(RATIO, axes={"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25]})
    chance = random.Random(11)
    plan = plan_of(definition, SITE, ())
    seen = {REPRODUCED: 0, NOT_REPRODUCED: 0, NOT_DECIDABLE: 0}
    rounds = 200
    for _round in range(rounds):
        records = campaign(definition, noisy(chance, 1.22 * 1.1, 0.03), 7)
        seen[judge(definition.claims, definition, plan, records)[0].verdict] += 1
    # 2.5 % on each side; 200 rounds of a fair instrument exceed 5.5 % once in three hundred times.
    assert seen[REPRODUCED] / rounds < 0.055 and seen[NOT_REPRODUCED] / rounds < 0.055
