# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The scenario openstack's cloud: its command, its instances of the workload guest, and the guest's serial line."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measured_pair import pair_of
from own_guest import on
from testinfra.utils.ansible_runner import AnsibleRunner

from ansible_collections.stsm.live_migration.plugins.filter.measured_hosts import measured_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

ROOT = Path(__file__).parents[1]
INVENTORIES = ("inventories/openstack", "molecule/inventory_openstack")
INVENTORY = ROOT / INVENTORIES[1] / "hosts.yml"
GUEST_ADDRESS = "198.18.118.101"
WORKLOAD = "/var/lib/stsm-live-migration/workload"
FLAVOR, IMAGE = "stsm-test", "stsm-test"
PATIENCE_SECONDS = 240
# Under emulation a guest that writes faster than this does so all the same.
_SPEAK = (
    "import libvirt, sys; domain = libvirt.open('qemu:///system').lookupByUUIDString(sys.argv[1]); "
    "stream = domain.connect().newStream(0); "
    "domain.openConsole('serial0', stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE); "
    "stream.send(sys.argv[2].encode()); stream.finish()"
)


def control_host() -> Host:
    """The host with the command openstack."""
    runner = AnsibleRunner(str(INVENTORY))
    (name,) = runner.get_hosts("control")
    return Host(**measured_hosts([name], {name: runner.get_variables(name)})[0])


def wait_until(what: str, look: Callable[[], Any]) -> Any:
    """What *look* sees once it is something; an AssertionError names *what* did not come."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < end, f"{what} did not come in {PATIENCE_SECONDS} s"
        time.sleep(1)
    return seen


@dataclass(frozen=True)
class Cloud:
    """The cloud, by its own command on the control host."""

    control: Host
    compute: dict[str, Host]

    @classmethod
    def of_the_tests(cls) -> Cloud:
        """That of the scenario."""
        return cls(control_host(), {host.name: host for host in pair_of(INVENTORY)})

    def run(self, *words: str) -> str:
        """What the command says."""
        return on(
            self.control, shlex.join(["openstack", "--os-cloud", "stsm", "--os-compute-api-version", "2.80", *words])
        )

    def ask(self, *words: str) -> Any:
        """The same as an object."""
        return json.loads(self.run(*words, "--format", "json"))

    def upload(self, image: str, *arguments: str) -> None:
        """The guest's kernel, its initrd and an empty disk, with its arguments on the kernel's command line."""
        host = next(iter(self.compute.values()))
        for file in ("vmlinux", "initrd.img"):
            kind = {"vmlinux": "aki", "initrd.img": "ari"}[file]
            content = on(host, f"base64 {WORKLOAD}/{file}")
            _put(self.control, f"/tmp/{file}", content)
            self.run(
                "image", "create", f"--disk-format={kind}", f"--container-format={kind}", f"--file=/tmp/{file}", file
            )
        on(self.control, "truncate --size=1M /tmp/empty.raw")
        line = " ".join(["console=ttyS0 quiet stsm.serial=ttyS0", *arguments])
        ids = {
            key: self.ask("image", "show", file)["id"]
            for key, file in (("kernel_id", "vmlinux"), ("ramdisk_id", "initrd.img"))
        }
        properties = {**ids, "hw_machine_type": "q35", "os_command_line": line}
        words = [f"--property={key}={value}" for key, value in properties.items()]
        self.run(
            "image", "create", "--disk-format=raw", "--container-format=bare", "--file=/tmp/empty.raw", *words, image
        )


def _put(host: Host, path: str, base64_text: str) -> None:
    command = ["ssh", *host.ssh_arguments, f"{host.user}@{host.address}", f"base64 --decode > {path}"]
    subprocess.run(command, input=base64_text, check=True, text=True)
