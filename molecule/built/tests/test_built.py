# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A guest moves by post-copy on the QEMU and the libvirt that this collection has built, and its record proves it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from own_guest import on
from quickstart_hosts import benchmark, scenario
from testinfra.host import Host as TestHost

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed

testinfra_hosts = ["ansible://builder1"]

GUEST = "/run/libvirt/qemu/stsm-guest.pid"
LIBVIRTD = "/run/libvirtd.pid"


def build_id(notes: str) -> str:
    """The build id in what readelf prints."""
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    assert found, notes
    return found.group(1)


def running_build_id(host: Host, pid_file: str, folder: Path) -> str:
    """The build id in the notes of the very program that a process executes."""
    program = folder / "program"
    command = ["ssh", *host.ssh_arguments, f"{host.user}@{host.address}", f"cat /proc/$(cat {pid_file})/exe"]
    with program.open("wb") as file:
        subprocess.run(command, check=True, stdout=file)
    return build_id(subprocess.run(["readelf", "--notes", program], check=True, capture_output=True, text=True).stdout)


def packaged_build_id(builder: TestHost, component: str, program: str) -> str:
    """The build id of a program in the package that the builder has made."""
    fact = json.loads(builder.file(f"/etc/ansible/facts.d/stsm_{component}.fact").content_string)
    (package,) = fact["packages"]
    folder = f"/tmp/{component}-unpacked"
    builder.check_output(f"rm -rf {folder}; dpkg-deb --extract {package['file']} {folder}")
    return build_id(builder.check_output(f"readelf --notes {folder}{program}"))


@pytest.fixture(scope="module")
def record(pair: list[Host], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A post-copy migration, measured."""
    folder = tmp_path_factory.mktemp("built") / "campaign"
    benchmark(pair, folder, scenario("post-copy")).run(fresh=False)
    (*_earlier, record) = _record.read(folder / "runs.jsonl")
    return record


def test_hosts_pass_their_preflight(pair: list[Host]) -> None:
    with open_testbed(pair, "a test") as testbed:
        assert [finding["sentence"] for finding in examine(testbed) if not finding["passed"]] == []


def test_guest_arrives_with_its_memory_by_post_copy(record: dict[str, Any]) -> None:
    assert record["outcome"] == "completed"
    assert record["summary"]["postcopy_requests"] > 0
    assert [found for found in record["validators"] if found["passed"] is False] == []


def test_record_names_the_builds_that_really_ran(
    pair: list[Host], host: TestHost, record: dict[str, Any], tmp_path: Path
) -> None:
    arrived = next(one for one in pair if one.name == record["hosts"]["destination"]["name"])
    qemu, libvirt = (running_build_id(arrived, pid_file, tmp_path) for pid_file in (GUEST, LIBVIRTD))
    assert qemu == packaged_build_id(host, "qemu", "/opt/stsm-live-migration/qemu/*/bin/qemu-system-x86_64")
    assert libvirt == packaged_build_id(host, "libvirt", "/usr/sbin/libvirtd")
    for end in ("source", "destination"):
        assert record["hosts"][end]["qemu_build_id"] == qemu
        assert record["hosts"][end]["libvirt_build_id"] == libvirt
        assert set(record["hosts"][end]["builds"]) >= {"qemu", "libvirt"}


def test_guest_runs_the_kernel_that_was_built(pair: list[Host], host: TestHost) -> None:
    fact = json.loads(host.file("/etc/ansible/facts.d/stsm_kernel.fact").content_string)
    manifest = json.loads(on(pair[0], "cat /var/lib/stsm-live-migration/workload/workload.json"))
    assert manifest["kernel_package"] == fact["packages"][0]["name"]
    assert fact["digest"][:8] in manifest["kernel_release"]


def test_python_knows_every_flag_of_this_libvirt(pair: list[Host]) -> None:
    described = on(pair[0], "cat /usr/share/libvirt/api/libvirt-api.xml")
    names = sorted(set(re.findall(r"name='(VIR_MIGRATE_[A-Z_]+)'", described)))
    assert "VIR_MIGRATE_POSTCOPY" in names and len(names) > 20
    known = on(pair[0], "python3 -c 'import libvirt; print(*dir(libvirt))'").split()
    assert [name for name in names if name not in known] == []


def test_distributions_libvirt_is_replaced_and_its_qemu_not_needed(pair: list[Host]) -> None:
    for one in pair:
        status = "dpkg-query --show --showformat='${db:Status-Status}' libvirt-daemon 2>/dev/null || true"
        assert on(one, status) != "installed"
        assert on(one, "readlink --canonicalize /opt/stsm-live-migration/qemu/current").startswith("/opt/")
