# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Machines that the provisioner cannot hold are refused before anything is made; what others have is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _libvirt_hosts,
    _libvirt_plan,
    _links,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._changes import Changes


@pytest.fixture
def plan(tmp_path: Path) -> _libvirt_plan.Plan:
    image = tmp_path / "disk.raw"
    with image.open("wb") as file:
        file.truncate(3 * 1024**3)
    return _libvirt_plan.make_plan(
        {
            "prefix": "testbed",
            "state_folder": str(tmp_path / "state"),
            "image_disk": str(image),
            "accelerator": "tcg",
            "authorized_key": "ssh-ed25519 AAAA",
            "networks": [
                {
                    "name": "management",
                    "bridge": "testbed-mgmt",
                    "subnet": "192.0.2.128/25",
                    "provisioner_address": "192.0.2.129",
                    "mtu": 1500,
                    "rate_mbit_per_second": None,
                    "delay_ms": 0.0,
                    "host_bridge": None,
                }
            ],
            "addresses": {"management": {"one": "192.0.2.131"}},
            "sizes": {"vcpus": {"one": 1}, "memory_mib": {"one": 512}, "disk_gib": {"one": 3}},
        }
    )


def enlarged(plan: _libvirt_plan.Plan, **size: Any) -> _libvirt_plan.Plan:
    return replace(plan, machines=tuple(replace(machine, **size) for machine in plan.machines))


@pytest.fixture(autouse=True)
def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_links, "read_links", dict)


def test_check_mode_says_what_would_be_made_and_makes_nothing(plan: _libvirt_plan.Plan) -> None:
    changes = Changes(check=True)
    _libvirt_hosts.prepare(plan, changes)
    assert changes.made == ["make bridge testbed-mgmt", "make the folder of disks", "make the identity of host one"]
    assert not plan.testbed.state_folder.exists()
    assert _libvirt_hosts.known_hosts(plan) == []


def refusal(plan: _libvirt_plan.Plan, check: bool = True) -> str:
    with pytest.raises(MachineError) as refused:
        _libvirt_hosts.prepare(plan, Changes(check))
    assert not plan.testbed.state_folder.exists()
    return str(refused.value)


@pytest.mark.parametrize(
    ("version", "is_safe"), [("7.2.22", False), ("8.0.4", False), ("8.1.0", True), ("10.0.13", True)]
)
def test_several_emulated_processors_need_a_qemu_that_is_safe_with_them(
    plan: _libvirt_plan.Plan, monkeypatch: pytest.MonkeyPatch, version: str, is_safe: bool
) -> None:
    monkeypatch.setattr(_libvirt_hosts, "run", lambda _argv: f"QEMU emulator version {version} (Debian)")
    monkeypatch.setattr(_libvirt_hosts.shutil, "which", lambda name: f"/usr/bin/{name}")
    if is_safe:
        _libvirt_hosts.prepare(enlarged(plan, vcpus=2), Changes(check=True))
    else:
        assert "hosts one are to have several processors" in refusal(enlarged(plan, vcpus=2))


def test_what_the_machine_cannot_hold_is_refused(plan: _libvirt_plan.Plan) -> None:
    assert "1 virtual machines need 999000640 MiB: set less" in refusal(enlarged(plan, memory_mib=999_000_000))
    assert "holding the disks of 1 virtual machines needs 1024000000 MiB" in refusal(enlarged(plan, disk_gib=1_000_000))


def test_a_disk_smaller_than_the_image_is_refused(plan: _libvirt_plan.Plan) -> None:
    assert "a disk of 2 GiB, but the image has 3.0 GiB: set virtual_host_disk_gib" in refusal(
        enlarged(plan, disk_gib=2)
    )


def test_an_image_that_is_not_there_is_refused_unless_it_may_come(plan: _libvirt_plan.Plan) -> None:
    plan.testbed.image.unlink()
    _libvirt_hosts.prepare(plan, Changes(check=True))
    assert "there is no image" in refusal(plan, check=False)


def test_what_machines_run_on_has_to_be_known_and_there(
    plan: _libvirt_plan.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    _libvirt_hosts.prepare(replace(plan, accelerator="auto"), Changes(check=True))
    assert "not on auto" in refusal(replace(plan, accelerator="auto"), check=False)
    monkeypatch.setattr(_libvirt_hosts, "_KVM", "/dev/nothing")
    assert "virtual_hosts_accelerator is kvm, but the machine has no /dev/nothing" in refusal(
        replace(plan, accelerator="kvm")
    )


def test_only_definitions_with_our_number_are_left_over(tmp_path: Path) -> None:
    state_folder = Path("/var/lib/x")
    for folder, name, kind in (
        ("etc/libvirt/qemu", "t-one", "domain"),
        ("etc/libvirt/qemu/networks", "t-mig", "network"),
        ("run/libvirt/storage", "t", "pool"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        number = _libvirt_plan.uuid_of("t", state_folder, kind, name)
        (tmp_path / folder / f"{name}.xml").write_text(f"<{kind}><name>{name}</name><uuid>{number}</uuid></{kind}>")
    foreign = _libvirt_plan.uuid_of("t", Path("/var/lib/other"), "domain", "t-two")
    (tmp_path / "etc/libvirt/qemu/t-two.xml").write_text(f"<domain><name>t-two</name><uuid>{foreign}</uuid></domain>")
    (tmp_path / "etc/libvirt/qemu/t-torn.xml").write_text("<domain>")
    found = _libvirt_hosts.leftovers("t", state_folder, tmp_path)
    assert [path.name for path in found] == ["t-one.xml", "t-mig.xml", "t.xml"]


def test_a_cable_is_ours_that_libvirt_has_put_into_our_bridge(plan: _libvirt_plan.Plan) -> None:
    bed = plan.testbed
    bridge = {"ifname": "testbed-mgmt", "group": str(bed.group)}
    cable = {"ifname": "testbed-mgmt3", "group": "default", "master": "testbed-mgmt"}
    _links.check_free(bed, {link["ifname"]: link for link in (bridge, cable)})
    with pytest.raises(MachineError, match="an interface testbed-mgmt3 that was not made for"):
        _links.check_free(bed, {"testbed-mgmt": bridge, "testbed-mgmt3": {**cable, "master": "another"}})
