# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan expected is held to account: runs that come as expected lie inside, and others do not."""

from __future__ import annotations

from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._models import predict
from ansible_collections.stsm.live_migration.plugins.module_utils._report_advice import (
    advice_sentences,
    forecast_table,
    forecasts,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign


def as_modelled(records: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    """The records with total times so many times what their models expect."""
    for one in records:
        told = predict(Scenario.from_dict(one["scenario"]))
        assert told is not None
        one["summary"]["total_time_ms"] = told.total_time_ms * factor
    return records


def test_runs_as_modelled_lie_inside_and_others_do_not() -> None:
    for factor, inside in ((1.0, "total 14 of 14 (100%)"), (2.5, "total 0 of 14 (0%)")):
        *_loads, account = advice_sentences(forecasts(cells(as_modelled(campaign(), factor))))
        assert inside in account
        assert "of guests that were not expected to move, 0 of 2 did" in account


def test_each_load_has_its_advice() -> None:
    quiet, busy, _account = advice_sentences(forecasts(cells(campaign())))
    assert "0.25 times the link" in quiet and "Move it by pre-copy" in quiet
    assert "1.6 times the link" in busy and "Move it by hybrid" in busy


def test_table_has_what_was_expected_beside_what_came() -> None:
    heading, *rows = forecast_table(forecasts(cells(campaign())))
    assert len(rows) == 8
    by_strategy = {(row[0], row[1]): dict(zip(heading[2:], row[2:], strict=True)) for row in rows}
    assert by_strategy["1.6", "pre-copy"]["expected to move"] == "0%"
    assert by_strategy["1.6", "pre-copy"]["moved"] == "0 of 2"
    assert by_strategy["0.25", "pre-copy"]["expected to move"] == "100%"
    assert forecast_table([]) == []
