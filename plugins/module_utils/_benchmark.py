# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A benchmark run as the module asks for it: where the measuring floor and the telling floor meet, in the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _preflight, _record
from ansible_collections.stsm.live_migration.plugins.module_utils._calibration import calibrate
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import migration_request
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import holder
from ansible_collections.stsm.live_migration.plugins.module_utils._interrupts import deferred
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import build_ids, cell_key
from ansible_collections.stsm.live_migration.plugins.module_utils._run import measure
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import (
    GuestSite,
    Testbed,
    open_testbed,
    settle_guest,
)

# An invalid run of these outcomes is measured once more: a machine that paused for a moment is the usual cause.
_WORTH_ANOTHER_TRY = ("completed", "not_converged")


def memory_fault(record: Mapping[str, Any]) -> str | None:
    """What is wrong with the guest's memory, None if nothing is; a guest with a fault is worth nothing any more."""
    faults = (v["sentence"] for v in record["validators"] if v["name"] == "memory_verified" and v["passed"] is False)
    return next(faults, None)


@dataclass(frozen=True)
class Benchmark:
    """One scenario on one pair of hosts, recorded in one campaign's *folder*."""

    hosts: Sequence[Host]
    scenario: Scenario
    folder: Path
    guest_address: str | None
    calibrates: bool

    @property
    def _campaign(self) -> str:
        return self.folder.name

    @property
    def _runs(self) -> Path:
        return self.folder / "runs.jsonl"

    def plan(self, fresh: bool) -> dict[str, Any]:
        """Examine both hosts and return what would be asked of libvirt; moves nothing."""
        _record.prepare(self._runs)
        with open_testbed(self.hosts, holder(f"plan of {self._campaign}")) as testbed:
            _preflight.require(testbed, self.scenario.strategy.name, self.scenario.guest.name)
            refused = [finding["sentence"] for finding in _preflight.examine(testbed) if not finding["passed"]]
            if refused:
                raise InstrumentError(" ".join(refused))
            found = testbed.locate(self.scenario.guest.name)
            source = next((host for host in self.hosts if host.name in found), self.hosts[0])
            destination = next(host for host in self.hosts if host is not source)
            persistent = any(state["persistent"] for state in found.values())
            return {
                "source": source.name,
                "destination": destination.name,
                "guest_is_running": bool(found),
                "is_recorded": not fresh and self._recorded(testbed) is not None,
                "scenario": self.scenario.to_dict(),
                **migration_request(self.scenario, destination, persistent),
            }

    def run(self, fresh: bool) -> dict[str, Any]:
        """Measure and record, unless this run is recorded already and *fresh* is not asked for."""
        _record.prepare(self._runs)
        with open_testbed(self.hosts, holder(f"campaign {self._campaign}")) as testbed:
            _preflight.require(testbed, self.scenario.strategy.name, self.scenario.guest.name)
            recorded = None if fresh else self._recorded(testbed)
            if recorded is not None:
                return self._result(recorded, skipped=True)
            record = self._measure(testbed)
            if not record["valid"] and record["outcome"] in _WORTH_ANOTHER_TRY and not memory_fault(record):
                record = self._measure(testbed)
        return self._result(record, skipped=False)

    def _measure(self, testbed: Testbed) -> dict[str, Any]:
        """One run, from the guest's start to its record on the disk."""
        site = settle_guest(testbed, self.scenario, self.guest_address)
        calibration = self._calibration(testbed, site)
        with deferred() as interrupted:
            observation = measure(testbed, site, self.scenario, self._probe_address, interrupted)
            record = _record.build({**observation, "calibration": calibration}, self._campaign)
            _record.append(self._runs, record)
        if memory_fault(record) and site.channel is not None:
            for connection in testbed.connections:
                connection.call("destroy_guest", guest=site.guest)
        return record

    @property
    def _probe_address(self) -> str | None:
        return self.guest_address.split("/")[0] if self.guest_address else None

    def _recorded(self, testbed: Testbed) -> dict[str, Any] | None:
        """The valid record of this very run: same cell, same repetition, same pair of hosts."""
        key = cell_key(self.scenario.hash, build_ids(testbed.facts.values()))
        pair = {host.name for host in self.hosts}
        for record in _record.read(self._runs):
            if (
                record["valid"]
                and record["cell_key"] == key
                and record["scenario"]["repetition"] == self.scenario.repetition
                and {facts["name"] for facts in record["hosts"].values()} == pair
            ):
                return record
        return None

    def _calibration(self, testbed: Testbed, site: GuestSite) -> list[dict[str, Any]]:
        """The campaign's calibration on these builds, made now if it is not there or did not hold."""
        if not self.calibrates or self._probe_address is None or site.channel is None:
            return []
        path = self.folder / "calibration.json"
        builds = build_ids(testbed.facts.values())
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            points: list[dict[str, Any]] = kept["points"]
            if kept["builds"] == builds and all(all(point["within"].values()) for point in points):
                return points
        points = calibrate(site, self._probe_address)
        _record.write_whole(path, json.dumps({"builds": builds, "points": points}, indent=1) + "\n")
        return points

    def _result(self, record: dict[str, Any], skipped: bool) -> dict[str, Any]:
        told = {key: record[key] for key in ("run_id", "outcome", "reason", "valid", "validators", "summary")}
        return {**told, "record": str(self._runs), "skipped_as_recorded": skipped}
