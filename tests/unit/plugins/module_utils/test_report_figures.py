# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each run is a point of its figure, and what did not move the guest is none."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._report_charts import CHARTS, chart_svg, link_use
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import cell_name
from ansible_collections.stsm.live_migration.plugins.module_utils._report_figures import figures
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign, record

SVG = "{http://www.w3.org/2000/svg}"
CHART = {chart.name: chart for chart in CHARTS}


def drawn(name: str, records: list[dict[str, Any]], names: list[str] | None = None) -> ElementTree.Element:
    """The figure as a tree."""
    found = cells(records)
    text = chart_svg(CHART[name], found, names or [cell_name(cell) for cell in found])
    assert text is not None
    return ElementTree.fromstring(text)


def points(tree: ElementTree.Element) -> int:
    """How many points of runs a figure has."""
    return sum((path.get("d") or "").count("M") for place in marks(tree, "runs") for path in place.iter(f"{SVG}path"))


def marks(tree: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    """The elements of one kind that stand for data."""
    return [element for element in tree.iter(f"{SVG}g") if f"-{kind}-" in (element.get("id") or "")]


def every(records: list[dict[str, Any]]) -> dict[str, ElementTree.Element]:
    """All figures of some records as trees."""
    found = cells(records)
    return {one.name: ElementTree.fromstring(one.svg) for one in figures(found, [cell_name(cell) for cell in found])}


def words(tree: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", CHART)
def test_each_figure_names_its_cells_and_its_axis_in_text(name: str) -> None:
    told = words(drawn(name, campaign()))
    assert CHART[name].axis in told
    assert {"hybrid 0.25x", "post-copy 1.6x"} <= set(told)
    assert any(word.startswith("did not converge") for word in told)


def test_each_valid_run_is_a_point() -> None:
    runs = [record(repetition=number, brownout_ms=100 + number) for number in range(1, 8)]
    runs[0]["valid"] = False
    # Each of them at three of its speeds.
    assert points(drawn("brownout", runs)) == 3 * 6


def test_a_figure_without_a_value_is_not_drawn() -> None:
    found = cells([record("pre-copy", 1.6)])
    assert chart_svg(CHART["brownout"], found, ["pre-copy"]) is None
    assert chart_svg(CHART["brownout"], [], []) is None


def test_a_name_is_neither_markup_nor_a_formula() -> None:
    name = "<b>$x^2$ & 'y'</b>"
    assert name in words(drawn("total_time", [record()], [name]))


def test_a_downtime_of_zero_can_be_drawn() -> None:
    assert points(drawn("downtime", [record(downtime_network_ms=0.0)])) == 3


def test_the_use_of_the_link_needs_a_measured_link() -> None:
    assert link_use(record(payload_time_ms=900, transfer_time_ms=1000)) == 90
    assert link_use(record(payload_time_ms=None)) is None
    assert link_use(record(transfer_time_ms=None)) is None


def test_a_stream_that_never_ended_used_the_link_until_it_was_given_up() -> None:
    late = record("pre-copy", 1.6, payload_time_ms=9_000, total_time_ms=11_000, preparation_time_ms=1_000)
    assert link_use(late) == 90
    assert points(drawn("link_use", [late, late])) == 2


def test_what_a_model_expects_is_a_mark_of_its_own() -> None:
    assert len(marks(drawn("total_time", [record(), record("pre-copy", 1.6)]), "model")) == 1
    site = record()
    site["scenario"].update(guest={"domain": "web-1"}, workload=None)
    assert not marks(drawn("total_time", [site]), "model")
    assert "did not converge, as modelled" in words(drawn("total_time", [record(), record("pre-copy", 1.6)]))
    stuck = record()
    stuck["outcome"] = "not_converged"
    assert "did not converge, unlike the model" in words(drawn("total_time", [record("post-copy"), stuck]))


def test_the_outage_is_taken_apart() -> None:
    built = record(downtime_events_ms=80.0, downtime_guest_beyond_events_ms=-0.5, downtime_network_beyond_guest_ms=20.0)
    told = words(every([built, record("pre-copy", 1.6)])["decomposition"])
    assert "80 - 0.5 + 20 ms" in told
    assert "not seen from all three" in told


def test_a_probability_is_drawn_where_a_run_did_not_converge() -> None:
    assert "success" not in every([record()])
    assert {"0 of 1", "1 of 1"} <= set(words(every([record(), record("pre-copy", 1.6)])["success"]))


def test_residuals_are_those_of_the_runs_that_moved_the_guest() -> None:
    tree = every([record(), record(repetition=2), record("pre-copy", 1.6), record("pre-copy", 0.8)])["residuals"]
    assert points(tree) == 3 * 2
    assert words(tree).count("outside the region") == 1


def test_a_long_name_is_told_on_a_few_lines() -> None:
    cell = cells([record()])[0]
    cell.label = "workload.pattern random, " * 9
    assert len(cell_name(cell).splitlines()) == 3
    assert max(map(len, cell_name(cell).splitlines())) <= 24
