# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""One run of the tests: a line for each part as it goes, the counts at the end."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner import _process
from runner._counts import Counts, read_failures, read_junit
from runner._inputs import Inputs
from runner._ledger import Ledger
from runner._part import Part
from runner._schedule import Candidate, fits, is_due, ordered

TAIL_LINES = 40
CLEANUP_SECONDS = 300.0
# Wishes to this run and what make hands down: a make inside a part would take them for its own.
NOT_FOR_PARTS = {"PARTS", "FRESH", "TEST_DEADLINE_MINUTES", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Session:
    """Runs parts in a checkout and remembers in the ledger which were green."""

    root: Path
    ledger: Ledger
    inputs: Callable[[], Inputs]
    """Reads the checkout as it is now."""
    fresh: bool = False
    deadline_minutes: float | None = None
    """From the session's start; None: there is none."""
    say: Callable[[str], None] = print
    counts: Counts = Counts()
    failed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """A line for each failed test, for the end of the output: all that is seen of it where only its end is kept."""

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._output = self.root / "tests" / "output"

    def run(self, parts: Sequence[Part]) -> bool:
        """Run what is due and fits, up to the first failure; return whether nothing failed."""
        inputs = self.inputs()
        candidates = ordered(Candidate(part, inputs.digest(part), self.ledger.read(part.name)) for part in parts)
        for candidate in candidates:
            candidate.entry.seen_digest, changed = candidate.digest, candidate.changed
            if changed:
                self.ledger.write(candidate.part.name, candidate.entry)
        for candidate in candidates:
            self._consider(candidate)
        return not self.failed

    def _consider(self, candidate: Candidate) -> None:
        part = candidate.part
        missing = [need for need in part.needs if not _is_met(need)]
        if self.failed:
            self._line(part, "not run (after the failure)")
        elif not is_due(candidate, fresh=self.fresh):
            self._line(part, f"unchanged since green on {candidate.green_since}")
        elif missing:
            self.counts += Counts(skipped=1)
            self._line(part, f"skipped (needs {', '.join(missing)})")
        elif not fits(candidate, self._elapsed_minutes(), self.deadline_minutes):
            self._line(part, "not run (deadline)")
        else:
            self._run(candidate)

    def _run(self, candidate: Candidate) -> None:
        part = candidate.part
        log, junit = self._output / "logs" / f"{part.name}.log", self._output / "junit" / part.name
        _empty(log.parent, log)
        shutil.rmtree(junit, ignore_errors=True)
        junit.mkdir(parents=True)
        environment = _environment() | {"JUNIT_FOLDER": str(junit)}
        environment["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junit-xml={junit}/pytest.xml".strip()
        begun, limit = time.monotonic(), candidate.limit_minutes
        remaining = limit if self.deadline_minutes is None else self.deadline_minutes - self._elapsed_minutes()
        try:
            status = _process.run(part.command, log, environment, self.root, 60 * min(limit, remaining))
        except BaseException:
            self._clean_up(part, log)
            raise
        seconds = time.monotonic() - begun
        if status is None:
            self._clean_up(part, log)
            if remaining < limit:
                self._line(part, f"not run (deadline): stopped after {seconds:.0f} s")
                return
        self._judge(candidate, status, seconds, read_junit(junit) if part.junit else Counts(), log)
        self.failures += read_failures(junit)

    def _judge(self, candidate: Candidate, status: int | None, seconds: float, counted: Counts, log: Path) -> None:
        part, entry = candidate.part, candidate.entry
        green = status == 0 and counted.failed == 0
        if green and not part.junit:
            counted = Counts(passed=1)
        elif not green and counted.failed == 0:
            counted += Counts(failed=1)
        self.counts += counted
        if green:
            entry.minutes = seconds / 60
            # A file that was edited meanwhile may or may not have been seen: then nothing is known of either state.
            if self.inputs().digest(part) == candidate.digest:
                entry.green[candidate.digest] = _now()
            self.ledger.write(part.name, entry)
            self._line(part, f"{seconds:6.0f} s  {counted}")
            return
        self.failed.append(part.name)
        why = f"no end after {candidate.limit_minutes:.0f} minutes" if status is None else f"exit status {status}"
        self._line(part, f"{seconds:6.0f} s  {counted}  FAILED ({why})")
        self.say("\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:]))
        self.say(f"{part.name} failed; the whole log is {log.relative_to(self.root)}.")
        self.say(f"Repeat it with: make test PARTS={part.name}")
        self.say(f"It ran: {shlex.join(part.command)}")

    def _clean_up(self, part: Part, log: Path) -> None:
        if part.cleanup:
            _process.run(part.cleanup, log, _environment(), self.root, CLEANUP_SECONDS)

    def _elapsed_minutes(self) -> float:
        return (time.monotonic() - self._started) / 60

    def _line(self, part: Part, text: str) -> None:
        self.say(f"{part.name:<20} {text}")


def _is_met(need: str) -> bool:
    return os.geteuid() == 0 if need == "root" else shutil.which(need) is not None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_PARTS} | {"NO_COLOR": "1"}


def _empty(folder: Path, log: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
