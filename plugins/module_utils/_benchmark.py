# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured migration, as the module benchmark asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _preflight, _record
from ansible_collections.stsm.live_migration.plugins.module_utils._bench import Bench, Record
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import Asked
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers import _libvirt, _nova, _qmp
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import holder
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerator_of
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudChoice
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._stages import Stages
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, open_testbed


@dataclass(frozen=True)
class Benchmark:
    """One scenario on one pair of hosts, recorded in one campaign's *folder*."""

    hosts: Sequence[Host]
    scenario: Scenario
    folder: Path
    guest_address: str | None
    calibrates: bool
    cloud: CloudChoice | None = None

    def plan(self, fresh: bool) -> dict[str, Any]:
        """Examine both hosts and return what would be asked of libvirt or QEMU; moves nothing."""
        _record.prepare(self.folder / "runs.jsonl")
        with open_testbed(self.hosts, holder(f"plan of {self.folder.name}"), self.cloud) as testbed:
            _preflight.require(testbed, [self.scenario])
            asked = Asked(drivers=(self.scenario.driver,))
            refused = [finding["sentence"] for finding in _preflight.examine(testbed, asked) if not finding["passed"]]
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
                "is_recorded": not fresh and self._recorded(self._bench(testbed)) is not None,
                "scenario": self.scenario.to_dict(),
                **self._request(destination, persistent),
            }

    def _request(self, destination: Host, persistent: bool) -> dict[str, Any]:
        """What would be asked of libvirt, or of QEMU itself; of Nova only what is watched for."""
        if self.scenario.driver == "nova":
            return _nova.migration_request(self.scenario)
        if self.scenario.driver == "qmp":
            return _qmp.migration_request(self.scenario)
        return _libvirt.migration_request(self.scenario, destination, persistent)

    def run(self, fresh: bool) -> dict[str, Any]:
        """Measure and record, unless this run is recorded already and *fresh* is not asked for."""
        _record.prepare(self.folder / "runs.jsonl")
        with open_testbed(self.hosts, holder(f"campaign {self.folder.name}"), self.cloud) as testbed:
            _preflight.require(testbed, [self.scenario])
            bench = self._bench(testbed)
            recorded = None if fresh else self._recorded(bench)
            records = recorded or bench.measure(self.scenario, Stages())[-1]
        return {
            **_told(records[0]),
            "guests": [_told(record) for record in records],
            "record": str(bench.runs),
            "skipped_as_recorded": recorded is not None,
        }

    def _bench(self, testbed: Testbed) -> Bench:
        return Bench(testbed, self.folder, self.guest_address, self.calibrates)

    def _recorded(self, bench: Bench) -> list[Record] | None:
        """The valid records of this very run: same cell, same repetition, same pair of hosts."""
        return bench.recorded().get(bench.run_key(self.scenario))


def _told(record: Record) -> dict[str, Any]:
    """What a caller is told of one guest's record."""
    told = {key: record[key] for key in ("run_id", "outcome", "reason", "valid", "validators", "summary")}
    return {"accelerator": str(accelerator_of(record)), **told}
