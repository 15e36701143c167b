# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The campaign's engine: holds both hosts, makes the runs that are not recorded yet, and tells of each."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _preflight
from ansible_collections.stsm.live_migration.plugins.module_utils._bench import Bench, RunKey
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_plan import Block, Refused, blocks, refused
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_progress import Progress, run_seconds
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError, ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import holder
from ansible_collections.stsm.live_migration.plugins.module_utils._link_rate import limited
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import Accelerator, accelerator
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudChoice
from ansible_collections.stsm.live_migration.plugins.module_utils._outlook import outlook
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._stopping import StoppingRule
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import (
    Testbed,
    open_testbed,
    retire_guests,
)

# A host that is restarted goes on answering after its libvirt has ended.
_GOING_SECONDS = 30.0
# How long a campaign that is to wait for a lost host does so, and how often it looks.
_HOST_PATIENCE_SECONDS = 900.0
_HOST_LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 5.0


class HostLostError(InstrumentError):
    """A host no longer answers; the campaign may be asked to wait for it."""


@dataclass
class Campaign:
    """A definition at a site: its pair of hosts, its link (in site, keys of a scenario) and what the link carries."""

    hosts: Sequence[Host]
    definition: Definition
    site: Mapping[str, Any]
    folder: CampaignFolder
    guest_address: str | None = None
    payload_mbit_per_second: float | None = None
    calibrates: bool = True
    fresh: bool = False
    cloud: CloudChoice | None = None

    def __post_init__(self) -> None:
        """Plan, and refuse what cannot be done, before anything is touched."""
        self.blocks = blocks(self.definition, self.site)
        self.refused = refused(self.definition, self.site)
        rates = [run.scenario.link.rate_mbit_per_second for block in self.blocks for run in block.runs]
        fastest = max(rates, default=0.0)
        self._rate_mbit_per_second = float((self.site.get("link") or {}).get("rate_mbit_per_second") or fastest)
        self._refuse_small_budget()
        rule = self.definition.stopping
        self._stopping = StoppingRule(rule, self.definition.verdict.smallest_number_of_runs) if rule else None

    def _refuse_small_budget(self) -> None:
        """Every cell must get a run, or the campaign would compare what it has not measured."""
        budget_minutes = self.definition.budget_minutes
        first = [run for block in self.blocks for run in block.runs if block.repetition == 1]
        needed_minutes = sum(run_seconds(run.scenario) for run in first) / 60
        if budget_minutes is not None and needed_minutes > budget_minutes:
            raise ScenarioError(
                f"budget_minutes is {budget_minutes:g}, but one run of each of the {len(first)} cells takes about"
                f" {needed_minutes:.1f} minutes, so some would get none: raise it, or take values from the axes."
            )

    # -- check mode ------------------------------------------------------------------------------------------------

    def plan(self) -> list[dict[str, Any]]:
        """The runs in their order, with what they will take and whether they are recorded already; moves nothing."""
        self.folder.check(self.definition, self.site)
        with self._open() as testbed:
            self._require(testbed)
            bench = self._bench(testbed)
            recorded = {} if self.fresh else bench.recorded()
            expected = {
                run.scenario.hash: _expected(run.scenario, self.payload_mbit_per_second)
                for block in self.blocks
                if block.repetition == 1
                for run in block.runs
            }
            return [
                {
                    "repetition": block.repetition,
                    "block": number,
                    "run": run.name,
                    "predicted_seconds": round(run_seconds(run.scenario), 1),
                    **expected[run.scenario.hash],
                    "is_recorded": bench.run_key(run.scenario) in recorded,
                }
                for number, block in enumerate(self.blocks, start=1)
                for run in block.runs
            ]

    # -- runs ------------------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Make every run that is not recorded yet; returns what was measured and what it took.

        Raises InstrumentError where the campaign cannot go on, KeyboardInterrupt where it was interrupted; what is
        recorded stays, and the next call goes on from there.
        """
        self.folder.check(self.definition, self.site)
        with self.folder.held():
            progress = Progress(self.folder, self.definition.budget_minutes)
            try:
                while not self._session(progress):
                    progress.say(f"waiting up to {_HOST_PATIENCE_SECONDS:g} s for the host")
            finally:
                self.folder.add_session(progress.account())
        return progress.result()

    def _session(self, progress: Progress) -> bool:
        """Measure until all is done (true) or a host is lost that is to be waited for (false)."""
        try:
            with self._open(progress) as testbed:
                self._require(testbed)
                self.folder.claim(self.definition, self.site, self.left_out)
                # A report of a campaign whose every cell was left out says just that.
                self.folder.runs.touch()
                bench = self._bench(testbed)
                with progress.stages.stage("read_records"):
                    recorded = {} if self.fresh else bench.recorded()
                if self._stopping and not progress.has_begun:
                    for key, records in recorded.items():
                        self._stopping.feed(key[0], records)
                progress.begin(
                    {bench.run_key(run.scenario): run for block in self.blocks for run in block.runs},
                    set(recorded),
                    self._accelerators(testbed),
                    self.left_out,
                )
                for block in self.blocks:
                    self._measure_block(bench, block, progress)
        except HostLostError as error:
            progress.say(str(error))
            if self.definition.when_a_host_is_lost == "stop":
                raise
            return False
        return True

    def _measure_block(self, bench: Bench, block: Block, progress: Progress) -> None:
        """Make the runs of a block with guests that were started for it and the link that it asks for."""
        for key in (bench.run_key(run.scenario) for run in block.runs):
            if self._stopping and progress.wants(key) and self._stopping.is_enough(key[0]):
                progress.spare(key)
        left = [run for run in block.runs if progress.wants(bench.run_key(run.scenario))]
        if not left:
            return
        with progress.stages.stage("retire_guests"):
            retire_guests(bench.testbed, left[0].scenario.guest)
        with self._link(bench.testbed, left[0].scenario.link.rate_mbit_per_second, progress) as payload:
            for run in left:
                if not progress.may_begin(run):
                    return
                link = replace(run.scenario.link, payload_mbit_per_second=payload)
                self._measure(bench, run.name, replace(run.scenario, link=link), progress)

    def _measure(self, bench: Bench, name: str, scenario: Scenario, progress: Progress) -> None:
        """Make one run and tell of it."""
        key = bench.run_key(scenario)
        began = time.monotonic()
        try:
            tries = bench.measure(scenario, progress.stages)
        except InstrumentError as error:
            self._raise_if_lost(bench, key, str(error), progress)
            raise InstrumentError(f"{name} could not be measured: {error}") from None
        progress.tell(key, tries, time.monotonic() - began)
        if self._stopping:
            self._stopping.feed(key[0], tries[-1])
        outcomes = {record["outcome"]: record["reason"] for record in tries[-1]}
        if "aborted" in outcomes:
            raise KeyboardInterrupt
        for outcome in {"failed", "lost"} & set(outcomes):
            self._raise_if_lost(bench, key, outcomes[outcome], progress)

    @contextlib.contextmanager
    def _link(self, testbed: Testbed, rate_mbit_per_second: float, progress: Progress) -> Iterator[float | None]:
        """The payload of the block's link, which is limited for the block if the site's is faster."""
        if rate_mbit_per_second == self._rate_mbit_per_second:
            yield self.payload_mbit_per_second
            return
        with limited(testbed, rate_mbit_per_second):
            with progress.stages.stage("measure_link"):
                payload = min(_preflight.measure_link(testbed).values())
            yield min(payload, rate_mbit_per_second)

    # -- hosts -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _open(self, progress: Progress | None = None) -> Iterator[Testbed]:
        """Hold both hosts; one that was lost in this campaign is waited for."""
        deadline = time.monotonic() + (_HOST_PATIENCE_SECONDS if progress is not None and progress.has_begun else 0)
        with contextlib.ExitStack() as stack:
            while True:
                began = time.monotonic()
                try:
                    who = holder(f"campaign {self.folder.path.name}")
                    testbed = stack.enter_context(open_testbed(self.hosts, who, self.cloud))
                    break
                except InstrumentError:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(_HOST_LOOK_SECONDS)
            if progress is not None:
                progress.stages.add("connect", time.monotonic() - began)
            yield testbed

    def _raise_if_lost(self, bench: Bench, key: RunKey, reason: str, progress: Progress) -> None:
        """Raise HostLostError if a host no longer answers, or soon does not."""
        waits = self.definition.when_a_host_is_lost == "wait"
        deadline = time.monotonic() + (_GOING_SECONDS if waits else 0)
        while True:
            for connection in bench.testbed.connections:
                try:
                    connection.call("clock", timeout_seconds=_ANSWER_SECONDS)
                except InstrumentError:
                    progress.postpone(key)
                    raise HostLostError(f"{connection.host.name} no longer answers ({reason.rstrip('.')}).") from None
            if time.monotonic() >= deadline:
                return
            time.sleep(1)

    @property
    def left_out(self) -> list[dict[str, Any]]:
        """The cells that cannot be measured here, each with its values by axis, its name and the reason."""
        return [{"cell": dict(cell.cell), "run": cell.name, "reason": cell.reason} for cell in self.refused]

    def _require(self, testbed: Testbed) -> None:
        """Refuse what this pair of hosts cannot do, for all cells, before the first run; or leave such cells out."""
        runs = [run for block in self.blocks for run in block.runs]
        if self.definition.when_a_cell_cannot_run == "refuse":
            _preflight.require(testbed, [run.scenario for run in runs])
        for what, run in {_needs(run.scenario): run for run in runs}.items():
            try:
                if self.definition.when_a_cell_cannot_run == "leave-out":
                    _preflight.require(testbed, [run.scenario])
                _preflight.require_room(testbed, run.scenario.guest, run.scenario.guests)
            except InstrumentError as error:
                if self.definition.when_a_cell_cannot_run == "refuse":
                    raise InstrumentError(f"{run.name} cannot be measured here: {error}") from None
                self._leave_out(what, str(error))

    def _leave_out(self, needs: str, reason: str) -> None:
        """Take the runs that need something from all blocks."""
        kept = []
        for block in self.blocks:
            able = [run for run in block.runs if _needs(run.scenario) != needs]
            if block.repetition == 1:
                self.refused += [Refused(run.cell, reason) for run in block.runs if run not in able]
            kept += [replace(block, runs=able)] if able else []
        self.blocks = kept

    def _accelerators(self, testbed: Testbed) -> set[Accelerator]:
        """On what the runs' guests are to run on these hosts."""
        guests = [run.scenario.guest for block in self.blocks for run in block.runs]
        names = {guest.accelerator if isinstance(guest, Guest) else None for guest in guests}
        return {accelerator(name, testbed.facts.values()) for name in names}

    def _bench(self, testbed: Testbed) -> Bench:
        return Bench(testbed, self.folder.path, self.guest_address, self.calibrates)


def _needs(scenario: Scenario) -> str:
    """Return what of a scenario hosts must be able to do; cells with the same needs stand and fall together."""
    # Nova alone has limits to the time and to how many move at once; each further set of needs is asked of both hosts.
    limits = (scenario.time_limit_seconds, scenario.streams) if scenario.driver == "nova" else ()
    return repr((scenario.strategy, scenario.driver, scenario.guest, scenario.guests, limits))


def _expected(scenario: Scenario, payload_mbit_per_second: float | None) -> dict[str, float | None]:
    """Return what a plan says of a migration itself: how likely it ends, and between what its total time lies."""
    payload = payload_mbit_per_second
    if payload is not None:
        payload = min(payload, scenario.link.rate_mbit_per_second)
    expected = outlook(replace(scenario, link=replace(scenario.link, payload_mbit_per_second=payload)))
    if expected is None:
        return {"predicted_probability": None, "predicted_low_ms": None, "predicted_high_ms": None}
    return {
        "predicted_probability": expected.probability,
        "predicted_low_ms": None if expected.total_ms is None else round(expected.total_ms.low),
        "predicted_high_ms": None if expected.total_ms is None else round(expected.total_ms.high),
    }
