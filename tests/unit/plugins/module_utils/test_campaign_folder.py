# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign's folder: it holds one campaign, by one writer at a time, and says so otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError, RecordError

SITE = {"link": {"rate_mbit_per_second": 1000.0}}


def define(**settings: Any) -> Definition:
    axes = {"strategy": ["hybrid"], "dirty_rate_of_link": [0.5]}
    return Definition.from_dict({"axes": axes, **settings})


@pytest.fixture(name="folder")
def claimed(tmp_path: Path) -> CampaignFolder:
    folder = CampaignFolder(tmp_path / "results" / "mine")
    folder.check(define(), SITE)
    folder.claim(define(), SITE)
    return folder


def test_checking_makes_nothing(tmp_path: Path) -> None:
    CampaignFolder(tmp_path / "mine").check(define(), SITE)
    assert list(tmp_path.iterdir()) == []


def test_the_same_campaign_may_go_on_and_be_extended(folder: CampaignFolder) -> None:
    folder.check(define(), SITE)
    folder.check(define(repetitions=6, title="More of it", budget_minutes=60, when_a_host_is_lost="wait"), SITE)


@pytest.mark.parametrize(
    ("definition", "site", "key"),
    [
        (define(seed=2), SITE, "seed"),
        (define(verdict={"tolerance": 0.2}), SITE, "verdict"),
        (define(axes={"strategy": ["pre-copy"], "dirty_rate_of_link": [0.5]}), SITE, "axes"),
        (define(), {"link": {"rate_mbit_per_second": 10000.0}}, "site"),
    ],
)
def test_another_campaign_is_refused(folder: CampaignFolder, definition: Definition, site: Any, key: str) -> None:
    before = sorted(folder.path.iterdir())
    with pytest.raises(RecordError, match=f"holds a campaign with another {key} .* set another campaign_name"):
        folder.check(definition, site)
    assert sorted(folder.path.iterdir()) == before


def test_a_damaged_definition_is_not_taken_for_a_free_folder(folder: CampaignFolder) -> None:
    (folder.path / "campaign.yml").write_text("axes: [", encoding="utf-8")
    with pytest.raises(RecordError, match=r"campaign\.yml is not as a campaign wrote it"):
        folder.check(define(), SITE)


def test_a_second_writer_is_refused_until_the_first_has_ended(folder: CampaignFolder) -> None:
    second = CampaignFolder(folder.path).held()
    with folder.held(), pytest.raises(InstrumentError, match="Another campaign writes to"):
        second.__enter__()
    with folder.held():
        folder.say("[1/1] hybrid: completed")
    assert folder.progress.read_text(encoding="utf-8").endswith("[1/1] hybrid: completed\n")


def test_sessions_are_kept_one_a_line(folder: CampaignFolder) -> None:
    folder.add_session({"runs": 1})
    folder.add_session({"runs": 2})
    lines = (folder.path / "sessions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["runs"] for line in lines] == [1, 2]
