# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Machines have sizes, names and numbers that follow from the inventory alone; XML is made of their definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _host, _libvirt_plan

TEMPLATES = Path(__file__).parents[5] / "roles/virtual_hosts/templates"
QUIET: dict[str, Any] = {
    "provisioner_address": None,
    "rate_mbit_per_second": None,
    "delay_ms": 0.0,
    "host_bridge": None,
}


def parameters(state_folder: Path, **changes: Any) -> dict[str, Any]:
    migration = {"rate_mbit_per_second": 100.0, "delay_ms": 5.0, "mtu": 9000}
    return {
        "prefix": "t",
        "state_folder": str(state_folder),
        "image_disk": "/nowhere/disk.raw",
        "accelerator": "tcg",
        "authorized_key": "ssh-ed25519 AAAA",
        "networks": [
            {**QUIET, "name": "management", "bridge": "t-mgmt", "subnet": "198.18.0.0/24", "mtu": 1500}
            | {"provisioner_address": "198.18.0.1"},
            {**QUIET, "name": "migration", "bridge": "t-mig", "subnet": "198.18.1.0/24", **migration},
        ],
        "addresses": {
            "management": {"one": "198.18.0.11", "two": "198.18.0.12"},
            "migration": {"one": "198.18.1.11", "two": "198.18.1.12"},
        },
        "sizes": {
            "vcpus": {"one": 2, "two": "4"},
            "memory_mib": {"one": 1024, "two": 2048},
            "disk_gib": {"one": 4, "two": 8},
        },
        **changes,
    }


def plan(state_folder: Path, **changes: Any) -> _libvirt_plan.Plan:
    return _libvirt_plan.make_plan(parameters(state_folder, **changes))


def test_each_machine_has_its_own_size(tmp_path: Path) -> None:
    one, two = plan(tmp_path).machines
    assert (one.vcpus, one.memory_mib, one.disk_gib) == (2, 1024, 4)
    assert (two.vcpus, two.memory_mib, two.disk_gib) == (4, 2048, 8)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vcpus", 0, "host one is to have vcpus '0': set virtual_host_vcpus of that host, or virtual_hosts_vcpus"),
        (
            "memory_mib",
            100,
            "memory_mib '100': set virtual_host_memory_mib of that host, or virtual_hosts_memory_mib for",
        ),
        ("memory_mib", "2G", "memory_mib '2G'"),
        ("disk_gib", -1, "disk_gib '-1'"),
        ("disk_gib", None, "disk_gib 'None'"),
    ],
)
def test_a_size_that_does_not_do_is_named(tmp_path: Path, name: str, value: object, said: str) -> None:
    sizes = parameters(tmp_path)["sizes"]
    with pytest.raises(MachineError) as refused:
        plan(tmp_path, sizes={**sizes, name: {**sizes[name], "one": value}})
    assert said in str(refused.value)


def test_a_machine_that_is_to_share_folders_is_refused(tmp_path: Path) -> None:
    folders = {"one": {"/nowhere/cache": "/var/cache"}}
    with pytest.raises(MachineError) as refused:
        plan(tmp_path, host_folders=folders)
    assert "host one is to share /nowhere/cache, but a virtual machine shares no folders" in str(refused.value)
    # A container's are none of its business.
    assert len(plan(tmp_path, host_folders=folders, members=["two"]).machines) == 1


def test_a_machine_has_interfaces_on_the_networks_that_it_joins(tmp_path: Path) -> None:
    made = plan(tmp_path, host_networks={"one": ["management"]})
    interfaces = [_libvirt_plan.describe(made, machine)["interfaces"] for machine in made.machines]
    assert [len(found) for found in interfaces if isinstance(found, list)] == [1, 2]
    assert _libvirt_plan.definition(made, made.machines[0])["networks"] == {"management": [1500, None, None, 0.0]}


def test_a_number_is_the_one_that_a_playbook_makes() -> None:
    # What the filter ansible.builtin.to_uuid says of stsm.live_migration/t/var/lib/x/domain/t-one.
    made = "8236d449-4071-50ee-90f5-744aa5e835c9"
    assert _libvirt_plan.uuid_of("t", Path("var/lib/x"), "domain", "t-one") == made


def test_hardware_addresses_differ_between_interfaces_and_stay_the_same(tmp_path: Path) -> None:
    addresses = [
        _libvirt_plan.hardware_address(bed, network, host)
        for bed in (plan(tmp_path).testbed, plan(tmp_path / "other").testbed)
        for network in bed.networks
        for host in bed.hosts
    ]
    assert len(set(addresses)) == 8
    assert all(address.startswith("52:54:00:") and len(address) == 17 for address in addresses)
    bed = plan(tmp_path).testbed
    assert addresses[0] == _libvirt_plan.hardware_address(bed, bed.networks[0], bed.hosts[0])


def test_existing_hosts_say_what_auto_means(tmp_path: Path) -> None:
    assert plan(tmp_path, accelerator="auto").accelerator == "auto"
    folder = _host.folder_of(tmp_path, "two")
    folder.path.mkdir(parents=True)
    folder.record.write_text(json.dumps({"prefix": "t", "accelerator": "kvm"}))
    assert plan(tmp_path, accelerator="auto").accelerator == "kvm"
    assert plan(tmp_path, accelerator="tcg").accelerator == "tcg"


@pytest.mark.parametrize("change", ["vcpus", "memory_mib", "disk_gib", "accelerator", "networks"])
def test_a_machine_that_is_to_become_another_is_refused(tmp_path: Path, change: str) -> None:
    made = plan(tmp_path)
    folder = _host.folder_of(tmp_path, "one")
    folder.path.mkdir(parents=True)
    folder.record.write_text(json.dumps(_libvirt_plan.definition(made, made.machines[0])))
    _host.check(made.testbed, made.testbed.hosts[0], _libvirt_plan.definition(made, made.machines[0]))
    given = parameters(tmp_path)
    if change == "accelerator":
        given["accelerator"] = "kvm"
    elif change == "networks":
        given["networks"][1]["rate_mbit_per_second"] = 200.0
    else:
        given["sizes"][change]["one"] = 3000
    other = _libvirt_plan.make_plan(given)
    with pytest.raises(MachineError, match=f"host one exists with other {change} than .*teardown playbook first"):
        _host.check(other.testbed, other.testbed.hosts[0], _libvirt_plan.definition(other, other.machines[0]))


def render(name: str, **variables: object) -> ElementTree.Element:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701
    return ElementTree.fromstring(environment.from_string((TEMPLATES / name).read_text()).render(**variables))


@pytest.mark.parametrize(
    ("accelerator", "kind", "cpu"), [("kvm", "kvm", "host-passthrough"), ("tcg", "qemu", "maximum")]
)
def test_a_domain_is_what_the_plan_says(tmp_path: Path, accelerator: str, kind: str, cpu: str) -> None:
    made = plan(tmp_path, accelerator=accelerator)
    described = _libvirt_plan.describe(made, made.machines[0])
    pool = _libvirt_plan.describe_pool(made.testbed)
    domain = render(
        "domain.xml.j2",
        __virtual_hosts_machine=described,
        __virtual_hosts_made={"pool": pool},
        virtual_hosts_image_disk="/a&b/disk.raw",
    )
    assert [node.get("file") for node in domain.findall(".//backingStore/source")] == ["/a&b/disk.raw"]
    assert (domain.get("type"), domain.findtext("name"), domain.findtext("memory")) == (kind, "t-one", "1024")
    found = domain.find("cpu")
    assert found is not None and found.get("mode") == cpu
    assert (domain.find("features/tcg") is not None) == (accelerator == "tcg")
    interfaces = domain.findall("devices/interface")
    assert [node.attrib for one in interfaces for node in one.findall("target")] == [
        {"dev": "t-mgmt11"},
        {"dev": "t-mig11"},
    ]
    assert [node.get("network") for one in interfaces for node in one.findall("source")] == [
        "t-management",
        "t-migration",
    ]
    assert [node.get("file") for node in domain.findall("devices/disk/source") if node.get("file")] == [
        str(tmp_path / "hosts/one/identity.img")
    ]


def test_networks_pool_and_volume_are_what_the_plan_says(tmp_path: Path) -> None:
    made = plan(tmp_path)
    first = _libvirt_plan.describe_networks(made.testbed)[0]
    network = render("network.xml.j2", __virtual_hosts_network=first)
    assert (network.findtext("name"), network.findtext("uuid")) == ("t-management", first["uuid"])
    pool = _libvirt_plan.describe_pool(made.testbed)
    rendered = render("pool.xml.j2", __virtual_hosts_made={"pool": pool})
    assert rendered.findtext("target/path") == str(tmp_path / "t-disks")
    described = _libvirt_plan.describe(made, made.machines[1])
    volume = render("volume.xml.j2", __virtual_hosts_machine=described, virtual_hosts_image_disk="/a&b/disk.raw")
    assert (volume.findtext("name"), volume.findtext("capacity")) == ("two.qcow2", "8")
    assert volume.findtext("backingStore/path") == "/a&b/disk.raw"
