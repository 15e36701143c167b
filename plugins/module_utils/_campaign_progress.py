# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a campaign is done, what is left, how long that will take, and what the harness itself took."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._bench import (
    Record,
    RunKey,
    all_valid,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import LONGEST_WARM_UP_SECONDS
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import PlannedRun
from ansible_collections.stsm.live_migration.plugins.module_utils._models import beyond_limit_ms, predict
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import Accelerator
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import in_words as accelerators_in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import guest_fault
from ansible_collections.stsm.live_migration.plugins.module_utils._run import utc_now
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._stages import Stages

# What a run takes beside warm-up and migration, for the plan: asking both hosts, cooling down, verifying the memory.
RUN_OVERHEAD_SECONDS = 2.5

# A run in which a host is lost is tried this often: it may be the run that kills the host.
_TRIES_AT_LOST_HOSTS = 2


def run_seconds(scenario: Scenario) -> float:
    """How long a run will take, by the models; the whole time limit where they know nothing or no end."""
    prediction = predict(scenario)
    migration_seconds = scenario.time_limit_seconds + beyond_limit_ms(scenario) / 1e3
    if prediction is not None and prediction.converges:
        migration_seconds = min(migration_seconds, prediction.total_time_ms / 1e3)
    standing_seconds = 0.0 if scenario.fault is None else scenario.fault.standing_seconds
    return scenario.warm_up_seconds + migration_seconds + standing_seconds + RUN_OVERHEAD_SECONDS


class Progress:
    """The book-keeping of one call of the engine, which may hold the hosts several times."""

    def __init__(self, folder: CampaignFolder, budget_minutes: float | None) -> None:
        self.stages = Stages()
        self._folder = folder
        self._budget_seconds = None if budget_minutes is None else budget_minutes * 60
        self._began = time.monotonic()
        self._started_at = utc_now()
        self._runs: dict[RunKey, PlannedRun] = {}
        self._done: set[RunKey] = set()
        self._lost: Counter[RunKey] = Counter()
        self._accelerators: set[Accelerator] = set()
        self._recorded_before = 0
        self._spared = 0
        self._outcomes: Counter[str] = Counter()
        self._valid = 0
        self._failures: list[str] = []
        self._migration_seconds = 0.0
        self._warm_up_seconds = 0.0
        # How the time that runs took compares with what the models said of them.
        self._predicted_seconds = 0.0
        self._taken_seconds = 0.0

    # -- what is left ----------------------------------------------------------------------------------------------

    @property
    def has_begun(self) -> bool:
        """Whether hosts were held before."""
        return bool(self._runs)

    def begin(
        self,
        runs: Mapping[RunKey, PlannedRun],
        recorded: set[RunKey],
        accelerators: Iterable[Accelerator] = (),
        left_out: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Take in all runs, those that earlier calls have recorded, and on what the runs' guests are to run.

        *left_out* are the cells of which there are no runs, each with its name (``run``) and the ``reason``.
        """
        if not self.has_begun:
            self._accelerators = set(accelerators)
            self._recorded_before = len(recorded & set(runs))
            already = f", {self._recorded_before} of them recorded already" if self._recorded_before else ""
            left_seconds = sum(run_seconds(run.scenario) for key, run in runs.items() if key not in recorded)
            ran_on = f" on {self._ran_on}" if self._ran_on else ""
            self.say(f"{len(runs)} runs{ran_on}{already}; about {in_words(left_seconds)} for the rest")
            for reason in dict.fromkeys(cell["reason"] for cell in left_out):
                names = [cell["run"] for cell in left_out if cell["reason"] == reason]
                others = f" and {len(names) - 1} more" if len(names) > 1 else ""
                self.say(f"left out: {names[0]}{others}: {reason}")
        self._runs = dict(runs)
        self._done |= recorded & set(runs)

    @property
    def _ran_on(self) -> str:
        return accelerators_in_words(self._accelerators)

    def wants(self, key: RunKey) -> bool:
        """Whether a run is still to be made."""
        return key in self._runs and key not in self._done

    def may_begin(self, run: PlannedRun) -> bool:
        """Whether the budget allows one more run."""
        if self._budget_seconds is None:
            return True
        return time.monotonic() - self._began + run_seconds(run.scenario) <= self._budget_seconds

    def spare(self, key: RunKey) -> None:
        """Count a run that its cell no longer needs, by the campaign's stopping rule."""
        self._done.add(key)
        self._spared += 1

    def postpone(self, key: RunKey) -> None:
        """Count that a host was lost in a run, which is then tried again, but not for ever."""
        self._lost[key] += 1
        if self._lost[key] < _TRIES_AT_LOST_HOSTS:
            self._done.discard(key)

    @property
    def left_seconds(self) -> float:
        """How long what is left will take, by the models and by how well they did so far."""
        left = sum(run_seconds(run.scenario) for key, run in self._runs.items() if key not in self._done)
        return left * (self._taken_seconds / self._predicted_seconds if self._predicted_seconds else 1.0)

    # -- what is told ----------------------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        """Tell a line at once to whoever watches."""
        self._folder.say(line)

    def tell(self, key: RunKey, tries: Sequence[Sequence[Record]], taken_seconds: float) -> None:
        """Take in the records of a run's tries and tell them in one line; the last try counts."""
        run, last = self._runs[key], tries[-1]
        self._done.add(key)
        self._taken_seconds += taken_seconds
        self._predicted_seconds += run_seconds(run.scenario)
        for records in tries:
            self._account(records[0])
        self._outcomes.update(record["outcome"] for record in last)
        self._valid += all_valid(last)
        for record in (record for records in tries for record in records):
            if guest_fault(record):
                self._failures.append(f"{run.name} damaged the guest: {guest_fault(record)}")
            elif record["outcome"] in ("failed", "lost", "aborted"):
                self._failures.append(f"{run.name}: {record['reason']}")
        place = f"[{len(self._done):>{len(str(len(self._runs)))}}/{len(self._runs)}]"
        again = " (second try)" if len(tries) > 1 else ""
        self.say(f"{place} {run.name}{again}: {_told(last)}; {in_words(self.left_seconds)} left")

    def _account(self, record: Record) -> None:
        """Count what a try took: migration and warm-up are the measurement, the rest is the harness."""
        stages = record["raw"]["stages"]
        for name, seconds in stages.items():
            self.stages.add(name, seconds)
        self._migration_seconds += record["summary"]["group_time_ms"] / 1e3
        self._warm_up_seconds += min(stages["warm_up"], LONGEST_WARM_UP_SECONDS)

    def account(self) -> dict[str, Any]:
        """What this call took so far."""
        wall_seconds = time.monotonic() - self._began
        overhead_seconds = wall_seconds - self._migration_seconds - self._warm_up_seconds
        return {
            "started_at": self._started_at,
            "ended_at": utc_now(),
            "runs": sum(self._outcomes.values()),
            "wall_seconds": round(wall_seconds, 1),
            "migration_seconds": round(self._migration_seconds, 1),
            "warm_up_seconds": round(self._warm_up_seconds, 1),
            "overhead_seconds": round(overhead_seconds, 1),
            "overhead_share": round(overhead_seconds / wall_seconds, 3),
            "stages": {**self.stages.seconds, "other": self._other_seconds(wall_seconds)},
        }

    def _other_seconds(self, wall_seconds: float) -> float:
        """What no stage counts: judging and writing records, Python itself."""
        return round(wall_seconds - sum(self.stages.seconds.values()), 1)

    def result(self) -> dict[str, Any]:
        """What this call did."""
        return {
            "accelerator": self._ran_on,
            "planned": len(self._runs),
            "recorded_before": self._recorded_before,
            "measured": sum(self._outcomes.values()),
            "valid": self._valid,
            "spared": self._spared,
            "left": len(self._runs) - len(self._done),
            "outcomes": dict(self._outcomes),
            "failures": self._failures,
            "session": self.account(),
        }


def _told(records: Sequence[Record]) -> str:
    """What came of guests that moved at once, in words; of several guests the slowest counts."""
    slowest = max(records, key=lambda record: record["summary"]["total_time_ms"] or 0)
    seconds = (slowest["summary"]["total_time_ms"] or 0) / 1e3
    blackouts = [record["summary"]["downtime_events_ms"] for record in records]
    seen = [blackout for blackout in blackouts if blackout is not None]
    outcomes = Counter(record["outcome"] for record in records)
    words = " and ".join(
        (f"{count} " if len(records) > 1 else "") + outcome.replace("_", " ") for outcome, count in outcomes.items()
    )
    words += f" in {seconds:.1f} s"
    if seen and "completed" in outcomes:
        words += f", blackout {max(seen):.0f} ms"
    failed = [v["sentence"] for record in records for v in record["validators"] if v["passed"] is False]
    return f"{words}, not valid ({failed[0].rstrip('.')})" if failed else words


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
