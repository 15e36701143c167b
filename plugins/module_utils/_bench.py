# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two held hosts and a campaign's folder: measures a scenario, validates it, and keeps the record.

Here the measuring floor and the telling floor meet. The modules benchmark (one run) and campaign (many) share it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Tuple

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._calibration import calibrate
from ansible_collections.stsm.live_migration.plugins.module_utils._interrupts import deferred
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import guest_fault
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import build_ids, cell_key
from ansible_collections.stsm.live_migration.plugins.module_utils._run import measure
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._stages import Stages
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import GuestSite, Testbed, settle_guests

# An invalid run of these outcomes is measured once more: a machine that paused for a moment is the usual cause, and a
# guest whose memory was damaged has been replaced by then.
_WORTH_ANOTHER_TRY = ("completed", "not_converged")

Record = Dict[str, Any]
RunKey = Tuple[str, int]


def all_valid(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the records of guests that moved at once all count."""
    return all(record["valid"] for record in records)


@dataclass
class Bench:
    """A testbed, held for as long as the bench is used, and the folder that takes its records."""

    testbed: Testbed
    folder: Path
    guest_address: str | None
    calibrates: bool

    @property
    def runs(self) -> Path:
        """The file of the records."""
        return self.folder / "runs.jsonl"

    def run_key(self, scenario: Scenario) -> RunKey:
        """What a run and another try at it share: the cell on today's builds, and the repetition."""
        return cell_key(scenario.hash, build_ids(self.testbed.facts.values())), scenario.repetition

    def recorded(self) -> dict[RunKey, list[Record]]:
        """The valid records of this pair of hosts by run_key, of the last try at each, without what was observed."""
        pair = set(self.testbed.facts)
        found: dict[RunKey, list[Record]] = {}
        for record in _record.stream(self.runs):
            if record["valid"] and {facts["name"] for facts in record["hosts"].values()} == pair:
                del record["raw"]
                tries = found.setdefault((record["cell_key"], record["scenario"]["repetition"]), [])
                tries[:] = [other for other in tries if other["group_id"] == record["group_id"]] + [record]
        return {key: records for key, records in found.items() if len(records) == records[0]["scenario"]["guests"]}

    def measure(self, scenario: Scenario, stages: Stages) -> list[list[Record]]:
        """Measure and record a scenario; returns the records of each try, of which the last one counts.

        stages takes the time of what comes before a run (starting guests, calibrating) and after it (recording); what
        the run itself took is in its records.
        """
        tries = [self._try(scenario, stages)]
        if self._is_worth_another(tries[0]):
            tries.append(self._try(scenario, stages))
        return tries

    def _is_worth_another(self, records: Sequence[Record]) -> bool:
        return not all_valid(records) and all(record["outcome"] in _WORTH_ANOTHER_TRY for record in records)

    def _try(self, scenario: Scenario, stages: Stages) -> list[Record]:
        """One run, from the guests' start to their records on the disk."""
        _record.prepare(self.runs)
        with stages.stage("start_guests"):
            sites = settle_guests(self.testbed, scenario, self.guest_address)
        with stages.stage("calibrate"):
            calibration = self._calibration(sites[0])
        group_id = str(uuid.uuid4())
        with deferred() as interrupted:
            observations = measure(self.testbed, sites, scenario, interrupted)
            with stages.stage("record"):
                records = [
                    _record.build({**observation, "calibration": calibration}, self.folder.name, number, group_id)
                    for number, observation in enumerate(observations, start=1)
                ]
                _record.append(self.runs, records)
        for site, record in zip(sites, records):
            if guest_fault(record) and site.channel is not None:
                for connection in self.testbed.connections:
                    connection.call("destroy_guest", guest=site.guest)
        return records

    def _calibration(self, site: GuestSite) -> list[dict[str, Any]]:
        """The campaign's calibration on these builds, made now if it is not there or did not hold."""
        if not self.calibrates or site.probe_address is None or site.channel is None:
            return []
        path = self.folder / "calibration.json"
        builds = build_ids(self.testbed.facts.values())
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            points: list[dict[str, Any]] = kept["points"]
            if kept["builds"] == builds and all(all(point["within"].values()) for point in points):
                return points
        points = calibrate(site, site.probe_address)
        _record.write_whole(path, json.dumps({"builds": builds, "points": points}, indent=1) + "\n")
        return points
