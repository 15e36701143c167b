# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A second libvirt on both hosts: a guest moves by it while another one stays on the first."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_guest import on
from quickstart_hosts import benchmark, scenario
from stack_hosts import refusal, succeed
from testinfra.host import Host as TestHost

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

testinfra_hosts = ["ansible://builder1"]

PREFIX = "/opt/stsm-live-migration/libvirt"
STAYS = """\
cat > /root/stays.xml <<END
<domain type='qemu'><name>stays</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/opt/stsm-live-migration/qemu/current/bin/qemu-system-x86_64</emulator></devices></domain>
END
virsh --quiet create /root/stays.xml && cat /run/libvirt/qemu/stays.pid"""


@pytest.fixture(scope="module")
def staying(pair: list[Host]) -> Iterator[str]:
    """The process of a guest on the first host's first libvirt."""
    yield on(pair[0], STAYS).strip()
    on(pair[0], "virsh --quiet destroy stays")


@pytest.fixture(scope="module")
def beside(pair: list[Host], staying: str) -> Iterator[list[Host]]:
    """Both hosts as a campaign takes them that runs on the second libvirt."""
    wanted = {"libvirt_layout": "beside", "scenario": "built"}
    succeed("stsm.live_migration.build", "--tags=libvirt,package_repository,always", **wanted)
    succeed("stsm.live_migration.deploy", "--tags=libvirt,migration_network,always", **wanted)
    yield [dataclasses.replace(host, python=f"{PREFIX}/bin/python3", libvirt_port=16515) for host in pair]


def test_a_guest_moves_by_the_second_libvirt_and_the_first_is_left_alone(
    beside: list[Host], staying: str, tmp_path: Path
) -> None:
    benchmark(beside, tmp_path / "beside", scenario("hybrid")).run(fresh=False)
    (*_earlier, record) = _record.read(tmp_path / "beside/runs.jsonl")
    assert record["outcome"] == "completed"
    manifest = json.loads(on(beside[0], f"cat {PREFIX}/share/stsm-live-migration/libvirt.json"))
    first = json.loads(on(beside[0], "cat /usr/share/stsm-live-migration/libvirt.json"))
    for end in ("source", "destination"):
        assert record["hosts"][end]["libvirt_build_id"] == manifest["build_ids"][f"{PREFIX}/sbin/libvirtd"]
        assert record["hosts"][end]["builds"]["libvirt"]["digest"] == manifest["digest"]
    assert manifest["digest"] != first["digest"]
    assert on(beside[0], "virsh --quiet list --name").split() == ["stays"]
    assert on(beside[0], f"cat /run/libvirt/qemu/stays.pid; {PREFIX}/bin/virsh --quiet list --name").split() == [
        staying
    ]


def test_the_second_goes_once_its_guest_has_gone_and_the_first_stays(
    beside: list[Host], host: TestHost, staying: str
) -> None:
    succeed("stsm.live_migration.build", "--tags=libvirt,package_repository,always", scenario="built")
    refused = refusal("stsm.live_migration.deploy", "--tags=libvirt,always", scenario="built")
    assert "is to lose its libvirt beside the distribution's, but guests run there (stsm-guest)" in refused
    for one in beside:
        on(one, f"if [ -x {PREFIX}/bin/virsh ]; then {PREFIX}/bin/virsh --quiet destroy stsm-guest || true; fi")
    succeed("stsm.live_migration.deploy", "--tags=libvirt,always", scenario="built")
    left = "ls -d /opt/stsm-live-migration/libvirt /run/stsm-live-migration/libvirt/qemu /usr/lib/systemd/system/stsm-*"
    for one in beside:
        assert on(one, f"{left} 2>/dev/null || true") == ""
    assert on(beside[0], "cat /run/libvirt/qemu/stays.pid && echo && virsh --quiet list --name").split() == [
        staying,
        "stays",
    ]
