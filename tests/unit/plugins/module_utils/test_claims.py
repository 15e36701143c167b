# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims as data: what is wrong with one is said in a sentence, and the shipped ones fit the shipped campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import read, with_figures
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._judged import places, plan_of
from ansible_collections.stsm.live_migration.plugins.module_utils._statistics import median_interval
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._synthetic import SITE, define

FILES = Path(__file__).parents[4] / "roles/campaign/files"
SHIPPED = yaml.safe_load((FILES / "claims/icclab_2014.yml").read_text(encoding="utf-8"))["claims"]
CAMPAIGNS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES.glob("*.yml")}
EXPERIMENTS = sorted({claim["experiment"] for claim in SHIPPED})

GOOD: dict[str, Any] = {
    "id": "C0",
    "experiment": "mine",
    "statement": "It takes longer.",
    "source": "a post",
    "measure": "ratio",
    "figure": "total_time_ms",
    "cells": {"strategy": "hybrid"},
    "against": {"strategy": "pre-copy"},
    "published": 1.2,
}


def without(key: str, **changes: Any) -> dict[str, Any]:
    return {**{k: v for k, v in GOOD.items() if k != key}, **changes}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "claims is a mapping, but must be a list of claims."),
        (
            [{**GOOD, "experiment": "icclab_e9"}],
            "The claim C0 is about the experiment 'icclab_e9', which is not known (did you mean 'icclab_e6'?): name one"
            " of icclab_e6, mine.",
        ),
        ([GOOD, GOOD], "claims has C0 twice: give each claim an id of its own."),
        ([without("source")], "claims[0].source is missing; it must be a text."),
        ([without("published")], "claims[0].published is missing; it must be a figure or 'unknown', unless at_least"),
        ([{**GOOD, "published": "many"}], "claims[0].published is the text 'many', but must be a number, a mapping"),
        ([{**GOOD, "figure": "speed"}], "claims[0].figure is 'speed', which is not known"),
        ([{**GOOD, "measure": "order"}], "claims[0].over is missing; it must be the axis along which"),
        ([without("against")], "claims[0].against is missing; it must be the cells that the others are a ratio of."),
        (
            [{**GOOD, "against": {"driver": "libvirt"}}],
            "claims[0].cells selects by strategy and claims[0].against by driver: name the same axes in both",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        read(given, ["mine", "icclab_e6"])
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cells": {"strategy": "hybird"}}, "cells of the claim C0.strategy is the text 'hybird', which is no value"),
        ({"over": "flavor"}, "The claim C0 goes over flavor, which is no axis of the campaign: name one of strategy"),
    ],
)
def test_a_claims_cells_are_the_campaigns(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        define({**GOOD, **changes})
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"lost": {"published": 1}}, "A published figure is given for lost, which is no claim: name a claim by its"),
        ({"C0": {"published": 1}}, "figures.C0.source is missing; it must be a text that says where"),
        ({"C0": {"source": "a table"}}, "figures.C0.published is missing"),
        ([], "The site's figures are a list, but must be a mapping of claims."),
    ],
)
def test_a_sites_figure_has_a_claim_and_a_source(figures: Any, sentence: str) -> None:
    claims = read([{**GOOD, "published": "unknown"}], ["mine"])
    with pytest.raises(ScenarioError) as refusal:
        with_figures(claims, figures)
    assert str(refusal.value).startswith(sentence)


def test_a_site_cannot_change_a_figure_that_is_known() -> None:
    with pytest.raises(ScenarioError, match=r"The figure of C0 is not lost, it is in a post: leave figures\.C0 out"):
        with_figures(read([GOOD], ["mine"]), {"C0": {"published": 2, "source": "a guess"}})


def test_reading_what_was_written_gives_the_same_claims() -> None:
    claims = read(SHIPPED, EXPERIMENTS)
    assert read([claim.to_dict() for claim in claims], EXPERIMENTS) == claims


def test_a_claim_speaks_of_one_place_for_each_value_of_the_axes_that_it_does_not_name() -> None:
    definition = define(GOOD)
    found = places(definition.claims[0], definition, plan_of(definition, SITE, ()))
    assert [place.where for place in found] == [{"dirty_rate_of_link": rate} for rate in (0.25, 0.5, 1.6)]
    assert all(len(place.parts) == 1 and len(place.parts[0].all) == 2 for place in found)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_shipped_campaign_can_decide_its_claims(experiment: str) -> None:
    own = [claim for claim in SHIPPED if claim["experiment"] == experiment]
    definition = Definition.from_dict({**CAMPAIGNS[experiment], "claims": own})
    assert Definition.from_dict(definition.to_dict()) == definition
    plan = plan_of(definition, SITE, ())
    for claim in definition.claims:
        found = places(claim, definition, plan)
        assert found, claim.id
        runs = claim.smallest_number_of_runs or definition.verdict.smallest_number_of_runs
        for place in found:
            made = definition.repetitions * (len(place.parts[0].cells) if claim.measure == "probability" else 1)
            assert runs <= made, claim.id
            if claim.measure not in ("probability", "ratio"):
                # So many runs can refute a claim of that many comparisons, too.
                confidence = 1 - (1 - definition.verdict.confidence) / len(place.parts)
                assert median_interval(range(definition.repetitions), confidence), claim.id


def test_of_the_lost_figures_none_can_be_reproduced() -> None:
    lost = [claim for claim in read(SHIPPED, EXPERIMENTS) if claim.is_lost]
    assert {claim.id for claim in lost} >= {"E6-time", "E6-downtime", "E6-transferred", "C10-time", "C4-network"}
