# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each run is a point of its figure, and what did not move the guest is none."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import cell_name
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import CHARTS, draw, link_use
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign, record

SVG = "{http://www.w3.org/2000/svg}"
CHART = {chart.name: chart for chart in CHARTS}


def drawn(name: str, records: list[dict[str, Any]], names: list[str] | None = None) -> ElementTree.Element:
    """The figure as a tree."""
    found = cells(records)
    text = draw(CHART[name], found, names or [cell_name(cell) for cell in found])
    assert text is not None
    return ElementTree.fromstring(text)


def points(tree: ElementTree.Element) -> int:
    """How many points of runs a figure has."""
    places = [g for g in tree.iter(f"{SVG}g") if (g.get("id") or "").startswith("runs-")]
    return sum((path.get("d") or "").count("M") for place in places for path in place.iter(f"{SVG}path"))


def words(tree: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", CHART)
def test_each_figure_names_its_cells_and_its_axis_in_text(name: str) -> None:
    told = words(drawn(name, campaign()))
    assert CHART[name].axis in told
    assert {"hybrid 0.25x", "post-copy 1.6x"} <= set(told)
    assert "did not converge" in told


def test_each_valid_run_is_a_point() -> None:
    runs = [record(repetition=number, brownout_ms=100 + number) for number in range(1, 8)]
    runs[0]["valid"] = False
    assert points(drawn("brownout", runs)) == 6


def test_a_figure_without_a_value_is_not_drawn() -> None:
    found = cells([record("pre-copy", 1.6)])
    assert draw(CHART["brownout"], found, ["pre-copy"]) is None
    assert draw(CHART["brownout"], [], []) is None


def test_a_name_is_neither_markup_nor_a_formula() -> None:
    name = "<b>$x^2$ & 'y'</b>"
    assert name in words(drawn("total_time", [record()], [name]))


def test_a_downtime_of_zero_can_be_drawn() -> None:
    assert points(drawn("downtime", [record(downtime_network_ms=0.0)])) == 3


def test_the_use_of_the_link_needs_a_measured_link() -> None:
    assert link_use(record(payload_time_ms=900, transfer_time_ms=1000)) == 90
    assert link_use(record(payload_time_ms=None)) is None
    assert link_use(record(transfer_time_ms=None)) is None


def test_a_long_name_is_told_on_a_few_lines() -> None:
    cell = cells([record()])[0]
    cell.label = "workload.pattern random, " * 9
    assert len(cell_name(cell).splitlines()) == 3
    assert max(map(len, cell_name(cell).splitlines())) <= 24
