# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Whole runs over small parts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from runner import _process, _session
from runner._counts import Counts
from runner._inputs import Inputs
from runner._ledger import Entry, Ledger
from runner._part import Part
from runner._session import Session

WRITE_JUNIT = (
    """echo "<testsuite><testcase/><testcase><skipped/></testcase>$EXTRA</testsuite>" > "$JUNIT_FOLDER/it.xml" """
)


class Bench:
    """A checkout with one file a part, and the lines of the last session."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []

    def part(self, name: str, script: str = "true", **settings: object) -> Part:
        (self.root / name).write_text(name)
        defaults: dict[str, object] = {"minutes": 0.1, "inputs": (name,)}
        return Part(name=name, command=("bash", "-c", script), **(defaults | settings))  # type: ignore[arg-type]

    def run(self, *parts: Part, fresh: bool = False, deadline_minutes: float | None = None) -> Session:
        self.lines = []
        session = Session(
            root=self.root,
            ledger=Ledger(self.root / "ledger"),
            inputs=lambda: Inputs(self.root, [part.name for part in parts]),
            fresh=fresh,
            deadline_minutes=deadline_minutes,
            say=self.lines.append,
        )
        session.run(parts)
        return session

    def outcomes(self) -> dict[str, str]:
        """First words of each part's line, without times."""
        return {line.split()[0]: " ".join(line.split()[1:4]) for line in self.lines if line[:1].islower()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_real_counts_are_summed_and_a_plain_part_counts_as_one(bench: Bench) -> None:
    session = bench.run(bench.part("plain"), bench.part("counted", WRITE_JUNIT, junit=True))
    assert session.counts == Counts(passed=2, skipped=1)
    assert session.failed == []


def test_a_green_part_is_not_repeated_until_its_inputs_change(bench: Bench) -> None:
    parts = [bench.part("one"), bench.part("two")]
    bench.run(*parts)
    assert bench.run(*parts).counts == Counts()
    assert all(outcome == "unchanged since green" for outcome in bench.outcomes().values())
    (bench.root / "two").write_text("changed")
    assert bench.run(*parts).counts == Counts(passed=1)
    assert bench.outcomes()["one"] == "unchanged since green"
    assert bench.run(*parts, fresh=True).counts == Counts(passed=2)


def test_a_part_whose_inputs_change_while_it_runs_is_not_remembered_as_green(bench: Bench) -> None:
    part = bench.part("edited", "echo more >> edited")
    bench.run(part)
    assert bench.run(part).counts == Counts(passed=1)


def test_a_part_that_always_runs_keeps_the_count_above_zero(bench: Bench) -> None:
    part = bench.part("unit", always=True)
    bench.run(part)
    assert bench.run(part).counts == Counts(passed=1)


def test_the_first_failure_stops_the_rest_and_says_how_to_repeat_it(bench: Bench) -> None:
    bad = bench.part("bad", f"EXTRA='<testcase><failure/></testcase>'; {WRITE_JUNIT}; echo why; exit 1", junit=True)
    session = bench.run(bench.part("good"), bad, bench.part("later"))
    assert session.counts == Counts(passed=2, failed=1, skipped=1)
    assert session.failed == ["bad"]
    assert bench.outcomes()["later"] == "not run (after"
    assert "why" in bench.lines
    assert "Repeat it with: make test PARTS=bad" in bench.lines
    assert len(session.failures) == 1
    assert (bench.root / "tests/output/logs/bad.log").read_text() == "why\n"


@pytest.mark.parametrize(
    ("script", "junit"),
    [
        pytest.param("exit 1", False, id="exit status"),
        pytest.param("exit 1", True, id="died before any test"),
        pytest.param(f"EXTRA='<testcase><error/></testcase>'; {WRITE_JUNIT}", True, id="exit status hides an error"),
    ],
)
def test_a_failure_is_counted_once_and_not_remembered_as_green(bench: Bench, script: str, junit: bool) -> None:
    part = bench.part("bad", script, junit=junit)
    assert bench.run(part).counts.failed == 1
    assert bench.run(part).counts.failed == 1


def test_what_does_not_fit_before_the_deadline_is_named_and_comes_again(bench: Bench) -> None:
    parts = [bench.part("short"), bench.part("long", minutes=50)]
    assert bench.run(*parts, deadline_minutes=10).counts == Counts(passed=1)
    assert bench.outcomes()["long"] == "not run (deadline)"
    assert bench.run(*parts).counts == Counts(passed=1)
    assert bench.outcomes()["short"] == "unchanged since green"


def test_a_part_that_meets_the_deadline_is_stopped_cleaned_up_and_no_failure(bench: Bench) -> None:
    part = bench.part("slow", "sleep 60", minutes=0.01, cleanup=("touch", "cleaned"))
    session = bench.run(part, deadline_minutes=0.02)
    assert (session.counts, session.failed) == (Counts(), [])
    assert bench.outcomes()["slow"] == "not run (deadline):"
    assert (bench.root / "cleaned").exists()


def test_a_part_that_hangs_is_a_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner._schedule.LIMIT_MINUTES_AT_LEAST", 0.01)
    session = bench.run(bench.part("hanging", "sleep 60", minutes=0.001, cleanup=("touch", "cleaned")))
    assert session.counts == Counts(failed=1)
    assert (bench.root / "cleaned").exists()


def test_wishes_to_the_runner_are_not_handed_down(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTS", "one two")
    assert bench.run(bench.part("part", 'test -z "$PARTS"')).counts == Counts(passed=1)


def test_unmet_needs_are_skipped_by_name(bench: Bench) -> None:
    session = bench.run(bench.part("guest", needs=("no-such-program",)))
    assert session.counts == Counts(skipped=1)
    assert bench.outcomes()["guest"] == "skipped (needs no-such-program)"


def test_an_interruption_cleans_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:

    real = _process.run

    def interrupted(
        command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path, limit_seconds: float
    ) -> int | None:
        if command[0] == "bash":
            raise KeyboardInterrupt
        return real(command, log, environment, cwd, limit_seconds)

    monkeypatch.setattr(_process, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.run(bench.part("hosts", cleanup=("touch", "cleaned")))
    assert (bench.root / "cleaned").exists()


def test_longest_not_green_comes_first_when_all_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    days = itertools.count(1)
    monkeypatch.setattr(_session, "_now", lambda: f"2026-01-{next(days):02d}T00:00:00Z")
    parts = [bench.part("one"), bench.part("two")]
    bench.run(*parts)
    bench.run(parts[0], fresh=True)
    bench.run(*parts, fresh=True)
    assert list(bench.outcomes()) == ["two", "one"]


def test_the_ledger_remembers_how_long_a_part_took(bench: Bench) -> None:
    begun = time.monotonic()
    bench.run(bench.part("part", "sleep 0.2"))
    entry: Entry = Ledger(bench.root / "ledger").read("part")
    assert 0.2 / 60 <= entry.minutes <= (time.monotonic() - begun) / 60
