# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings say what the records hold, and nothing else."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Spread, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._comparisons import effect_rows
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import headlines, load, loads, sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._record import build
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text, text_table
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number, quantity
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    observation,
    scenario,
    site_guest,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign, record

RECORDS = campaign()


def invalid(built: dict[str, Any]) -> dict[str, Any]:
    """The record with memory that was not what the guest wrote."""
    built["valid"] = False
    entry = next(entry for entry in built["validators"] if entry["name"] == "memory_verified")
    entry.update(passed=False, sentence="1 of 65536 pages are wrong: page 17.")
    return built


def told(records: list[dict[str, Any]]) -> str:
    """All sentences as one text."""
    return "\n".join(sentences(records))


def test_a_campaign_says_who_arrived_and_what_it_cost() -> None:
    text = told(RECORDS)
    assert "16 of 16 runs are valid, on QEMU 10.1.2, libvirt 11.3.0" in text
    assert (
        "At 1.6 times the link (191 MiB/s), pre-copy did not converge, but hybrid, post-copy and stop-and-copy did."
        in text
    )
    assert "pre-copy was given up in 2 of 2 runs at its time limit of 20 s, after sending 386 MiB in 2 passes" in text
    assert "hybrid completed in 2 of 2 runs in 4.35 s (4.3 to 4.4): the guest stood still for 82 ms" in text
    assert "(QEMU itself reports 7 ms)" in text
    assert "it was slowed for 310 ms more and missed 28.6 MiB of its work" in text
    assert (
        "392 MiB were sent at 99.5% of the link's payload rate, 1,234 pages were fetched on request in 310 us each."
        in text
    )
    assert "stop-and-copy stopped the guest 42.6 times as long as hybrid." in text


def test_no_runs_are_said_to_be_none() -> None:
    assert sentences([]) == ["There are no runs yet."]
    assert len(text_table([])) == 2
    assert csv_text([]) == ""


def test_the_words_follow_the_data() -> None:
    records = [record("hybrid", 1.6, 1, downtime_events_ms=120.0), record("hybrid", 1.6, 2, downtime_events_ms=80.0)]
    assert "the guest stood still for 100 ms (80 to 120)" in told(records)
    assert "did not converge" not in told(records)


def test_an_invalid_run_is_named_and_in_no_figure() -> None:
    records = [record(repetition=1), invalid(record(repetition=2, downtime_events_ms=9_999.0))]
    text = told(records)
    assert "1 of 2 runs are valid" in text
    assert "hybrid completed in 1 of 1 runs" in text
    assert "9,999" not in text
    assert (
        "Not counted is hybrid at 0.25 times the link (29.8 MiB/s), repetition 2, by memory_verified: 1 of 65536"
        in text
    )
    assert [line for line in text_table(records) if "1/2" in line]


def test_a_cell_without_a_valid_run_has_no_cost() -> None:
    text = told([invalid(record())])
    assert "0 of 1 runs are valid" in text
    assert "completed" not in text


def test_a_cell_that_sometimes_converges_says_so() -> None:
    late = record("pre-copy", 0.25, 2)
    late.update(outcome="not_converged")
    text = told([record("pre-copy", 0.25, 1), late, record("hybrid", 0.25)])
    assert "pre-copy did not always converge, but hybrid did" in text
    assert "pre-copy completed in 1 of 2 runs" in text
    assert "1 more did not converge" in text


def test_blackouts_whose_ranges_meet_are_not_told_apart() -> None:
    records = [record("hybrid", 0.25, downtime_events_ms=80.0), record("post-copy", 0.25, downtime_events_ms=80.0)]
    assert "the blackouts of hybrid and post-copy are not told apart by these runs." in told(records)


def test_a_disk_that_was_copied_is_told_apart_from_the_memory() -> None:
    assert "its disk" not in told([record()])
    assert "before that its disk was copied in 7.03 s" in told([record(disk_copy_time_ms=7_030.0)])


def test_a_brownout_that_did_not_end_is_at_least_so_long() -> None:
    assert "slowed for at least 310 ms" in told([record(brownout_ended=False)])


def test_what_could_not_be_had_is_not_told() -> None:
    bare = record("stop-and-copy", 0.25, downtime_events_ms=None, brownout_ms=None, transferred_bytes=None)
    bare["summary"].update(total_time_ms=None)
    assert told([bare]).endswith("stop-and-copy completed in 1 of 1 runs.")


def test_a_site_guest_has_no_dirty_rate() -> None:
    built = build(site_guest(), "first", 1, "group")
    assert "With the site's own guest web-1, hybrid completed" in told([built])
    assert text_table([built])[2].startswith("-")


def test_other_settings_that_differ_are_named() -> None:
    other = record()
    other["scenario"]["guest"]["memory_mib"] = 1024
    other["cell_key"] = "f" * 64
    text = told([record(), other])
    assert "(guest.memory_mib 512)" in text
    assert "(guest.memory_mib 1024)" in text
    assert "differs in" in text_table([record(), other])[0]


def test_two_stacks_are_told_apart() -> None:
    newer = record()
    newer["cell_key"] = "e" * 64
    for facts in newer["hosts"].values():
        facts["qemu_version"] = [11, 0, 0]
    found = cells([record(), newer])
    assert {cell.label.split(",")[0] for cell in found} == {"stack QEMU 10.1.2", "stack QEMU 11.0.0"}


def test_two_builds_of_one_version_are_told_apart() -> None:
    one, other = record(), record()
    one["builds"] = ["qemu:0a1b2c3d4e libvirt:11223344ff", "qemu:0a1b2c3d4e libvirt:11223344ff"]
    other["builds"] = ["qemu:0a1b2c3d4e libvirt:99887766aa", "qemu:0a1b2c3d4e libvirt:11223344ff"]
    other["cell_key"] = "0" * 64
    assert {cell.label for cell in cells([one, other])} == {
        "build of libvirt 11223344",
        "build of libvirt 99887766 to 11223344",
    }


def test_ends_that_differ_are_both_named() -> None:
    mixed = record()
    mixed["hosts"]["destination"] = {**mixed["hosts"]["destination"], "kernel": "6.1"}
    assert " to QEMU 10.1.2, libvirt 11.3.0, kernel 6.1" in told([mixed])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ({"pattern": "idle"}, "with an idle guest"),
        ({"pattern": "read-only", "dirty_rate_of_link": 0.25}, "reading at 0.25 times the link (29.8 MiB/s)"),
    ],
)
def test_the_load_in_words(pattern: dict[str, Any], words: str) -> None:
    assert load(Scenario.from_dict(scenario(workload=pattern))) == words


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (4.3512, "4.35"), (99.96, "100"), (1234.4, "1,234"), (-3.0, "-3")]
)
def test_figures_as_they_are_read(value: float, text: str) -> None:
    assert number(value) == text


def repeated(strategy: str, rate: float, times: int, factor: float = 1.0) -> list[dict[str, Any]]:
    """Runs of one cell that differ a little."""
    return [
        record(strategy, rate, n, downtime_events_ms=factor * (80.0 + n), total_time_ms=factor * (4_000.0 + n))
        for n in range(1, times + 1)
    ]


def test_from_six_runs_on_medians_have_an_interval_and_strategies_an_effect() -> None:
    assert quantity(Spread(2.0, 1.0, 3.0, 3), "s") == "2 s (1 to 3)"
    records = repeated("hybrid", 0.25, 6) + repeated("post-copy", 0.25, 6, factor=2)
    text = told(records)
    assert "the 95 % interval from six on" in sentences(records)[0]
    assert (
        "post-copy stopped the guest 2 times as long as hybrid: 83.5 ms longer (95 % interval 79 to 88), and longer in"
        " every pair of runs." in text
    )
    assert "post-copy took 2 times as long as hybrid: 4 s longer" in text
    assert set(headlines(records)) <= set(sentences(records))
    ((_where, group),) = loads(cells(records))
    (row,) = effect_rows(group)
    assert row[:3] == ["post-copy against hybrid", "4 (4 to 4.01; delta 1.00)", "83.5 (79 to 88; delta 1.00)"]
    assert row[3] == "0 (0 to 0; delta 0.00, not told apart)"


def test_without_scipy_the_ranges_say_what_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_statistics, "stats", None)
    text = told(repeated("hybrid", 0.25, 6) + repeated("post-copy", 0.25, 6, factor=2))
    assert "with the range (an interval needs scipy, which is not installed) in parentheses" in text
    assert "post-copy stopped the guest 2 times as long as hybrid." in text


def test_a_cell_that_sometimes_converges_has_a_probability() -> None:
    records = repeated("pre-copy", 0.25, 6)
    for late in records[:2]:
        late.update(outcome="not_converged")
    assert "pre-copy completed in 4 of 6 runs (probability 30% to 90%)" in told(records)
    (cell,) = cells(records)
    assert cell.success is not None and (cell.success.successes, cell.success.runs) == (4, 6)


def test_guests_of_one_moment_are_one_run() -> None:
    records = [record(repetition=1 + n // 2, total_time_ms=1_000.0 * (n + 1)) for n in range(6)]
    for n, built in enumerate(records):
        built.update(group_id=f"moment-{n // 2}", guest_number=1 + n % 2)
    (cell,) = cells(records)
    assert cell.values("total_time_ms") == [1_500, 3_500, 5_500]
    assert cell.figure("total_time_ms") == Spread(3_500, 1_500, 5_500, 3)
    records[0].update(outcome="not_converged")
    assert cell.success is not None and (cell.success.successes, cell.success.runs) == (2, 3)


def test_runs_that_one_validator_refused_are_told_together() -> None:
    text = told([record(), *(invalid(record(repetition=n)) for n in (2, 3))])
    assert (
        "Not counted are 2 runs of hybrid at 0.25 times the link (29.8 MiB/s), the first being repetition 2, by" in text
    )


def test_a_time_limit_labels_cells_only_if_nothing_else_does() -> None:
    longer = record("pre-copy", 0.25)
    longer["scenario"]["time_limit_seconds"] = 60.0
    longer["cell_key"] = "f" * 64
    assert [cell.label for cell in cells([record(), longer])] == ["", ""]
    assert {cell.label for cell in cells([record("pre-copy", 0.25), longer])} == {
        "time_limit_seconds 20",
        "time_limit_seconds 60",
    }


def test_the_csv_has_one_line_a_run_with_units_in_its_names() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(RECORDS))))
    assert len(rows) == 16
    assert rows[2]["strategy"] == "hybrid"
    assert float(rows[2]["downtime_events_ms"]) == 82
    assert rows[8]["outcome"] == "not_converged"
    assert rows[8]["downtime_events_ms"] == ""
    assert float(rows[8]["dirty_rate_of_link"]) == pytest.approx(1.6)
    assert rows[0]["valid"] == "true"


def test_the_table_has_one_line_a_cell() -> None:
    lines = text_table(RECORDS)
    assert len(lines) == 10
    assert "2 not_converged" in lines[6]
    assert lines[6].split()[:2] == ["1.6", "pre-copy"]
    assert "all s" not in lines[0]


def test_guests_at_once_have_a_column_of_their_own() -> None:
    several = record(group_time_ms=9_000.0)
    several["scenario"]["guests"] = 2
    lines = text_table([several])
    assert "all s" in lines[0]
    assert " 9 " in lines[2]


def at_level(driver: str, repetition: int, **figures: float) -> dict[str, Any]:
    """A record of hybrid at one level."""
    seen = observation("hybrid", 0.25, repetition=repetition)
    seen["scenario"]["driver"] = driver
    built = build(seen, "first", 1, f"group-{driver}-{repetition}")
    built["summary"].update(figures)
    return built


def test_the_levels_are_compared_where_a_scenario_ran_at_both() -> None:
    levels = [
        at_level(driver, run, total_time_ms=total + run, preparation_time_ms=None, downtime_events_ms=blackout + run)
        for driver, total, blackout in (("qmp", 1_400, 40), ("libvirt", 3_200, 190))
        for run in (1, 2)
    ]
    text = told(levels)
    assert (
        "At 0.25 times the link (29.8 MiB/s), hybrid through libvirt stands against QEMU by hand with a total time of"
        " 3.2 s against 1.4 s, a blackout of 192 ms (191 to 192) against 41.5 ms (41 to 42)."
    ) in text
    assert "through libvirt stands" not in told(levels[:2])
    above = [
        at_level(driver, 1, total_time_ms=total, preparation_time_ms=None, downtime_events_ms=80)
        for driver, total in (("libvirt", 3_200), ("nova", 28_500))
    ]
    assert "hybrid through Nova stands against libvirt with a total time of 28.5 s against 3.2 s" in told(above)
    enough = [
        at_level(driver, run, total_time_ms=total + 10 * run, preparation_time_ms=None, downtime_events_ms=80 + run)
        for driver, total in (("qmp", 1_400), ("libvirt", 3_200))
        for run in range(1, 7)
    ]
    assert "(by 1.8 s, 95 % interval" in told(enough)
    assert "against 83.5 ms (81 to 86) (not told apart)" in told(enough)
