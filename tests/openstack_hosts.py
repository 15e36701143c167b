# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario openstack's hosts and cloud, and one measured migration there."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from measured_pair import pair_of
from own_guest import on
from testinfra.utils.ansible_runner import AnsibleRunner

from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import Cloud, CloudChoice
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed, settle_guests

ROOT = Path(__file__).parents[1]
INVENTORIES = ("inventories/openstack", "molecule/inventory_openstack")
INVENTORY = ROOT / INVENTORIES[1] / "hosts.yml"
GUEST_ADDRESS = "198.18.118.100/24"
CLOUDS = ROOT / ".site/molecule-openstack/cloud/clouds.yaml"
LINK_MBIT_PER_SECOND = 1000
PATIENCE_SECONDS = 120
# More than the link carries, so that pre-copy alone would never end.
FAST = {"dirty_rate_mib_per_second": 200}


def scenario(strategy: str, driver: str = "nova", written_disk_mib: int = 0, **workload: Any) -> Scenario:
    """A small guest that moves by a strategy, with a disk if it is to write to one."""
    disk = {"disk_gib": 1, "allocated_disk_mib": written_disk_mib} if written_disk_mib else {}
    return Scenario.from_dict(
        {
            "guest": {"memory_mib": 384, **disk},
            "workload": {"working_set_mib": 128, "dirty_rate_mib_per_second": 10, **workload},
            "link": {"rate_mbit_per_second": LINK_MBIT_PER_SECOND},
            "strategy": {"name": strategy},
            "driver": driver,
        }
    )


@dataclass(frozen=True)
class Site:
    """Both compute hosts, the cloud that they belong to, and the folder of records."""

    pair: list[Host]
    choice: CloudChoice
    folder: Path

    @classmethod
    def of_the_tests(cls, folder: Path) -> Site:
        """That of the scenario."""
        return cls(pair_of(INVENTORY), CloudChoice("stsm", str(CLOUDS), "tenant"), folder)

    @property
    def cloud(self) -> Cloud:
        """The cloud, by the requests that the instrument makes."""
        return Cloud(self.choice)

    def host(self, name: str) -> Host:
        """The compute host of a name."""
        return next(host for host in self.pair if host.name == name)

    @property
    def control(self) -> Host:
        """The control host, reached in the same way."""
        address = AnsibleRunner(str(INVENTORY)).get_variables("control1")["ansible_host"]
        return replace(self.pair[0], name="control1", address=address)

    def openstack(self, command: str) -> str:
        """What the command openstack of the control host says."""
        return on(self.control, f"openstack --os-cloud {self.choice.name} {command}")

    def revive(self) -> None:
        """Start what is down, and wait until Nova has heard from both hosts."""
        for host in self.pair:
            on(host, "systemctl start nova-compute")
        before, deadline = self._last_words(), time.monotonic() + PATIENCE_SECONDS
        while set(before.items()) & set(self._last_words().items()):
            assert time.monotonic() < deadline, "Nova hears nothing from a compute host"
            time.sleep(2)

    def _last_words(self) -> dict[str, str]:
        """When Nova last heard from each compute host."""
        services = json.loads(self.openstack("compute service list --service nova-compute --format json"))
        return {service["Host"]: service["Updated At"] for service in services}

    def start_guest(self, asked: Scenario) -> None:
        """Have the cloud run the guest."""
        with open_testbed(self.pair, "a test", self.choice) as testbed:
            settle_guests(testbed, asked, GUEST_ADDRESS)

    def remove_guest(self) -> None:
        """Have the cloud forget the guest, if it has one."""
        while servers := self.cloud.servers(["stsm-guest"]):
            for server in servers:
                self.cloud.delete_server(server["id"])
            time.sleep(1)

    def measure(self, asked: Scenario) -> dict[str, Any]:
        """The record of one run, the last if it was measured again."""
        Benchmark(self.pair, asked, self.folder, GUEST_ADDRESS, calibrates=False, cloud=self.choice).run(fresh=True)
        return self.records()[-1]

    def records(self) -> list[dict[str, Any]]:
        """All records, also of runs that were not valid and were measured again."""
        return [json.loads(line) for line in (self.folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


def play(playbook: str, *arguments: str) -> str:
    """What a playbook of the collection says on the tests' hosts."""
    inventories = [f"--inventory={ROOT / name}" for name in INVENTORIES]
    command = ["ansible-playbook", *inventories, f"stsm.live_migration.{playbook}", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    # Where molecule starts it, too: the paths of the tests' keys are relative to that.
    return subprocess.run(command, cwd=ROOT / "molecule/openstack", check=True, text=True, **streams).stdout
