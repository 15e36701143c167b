# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A machine's identity names its interfaces, limits what they send, and comes to it on a disk with a key of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._token_bucket import choose_shape
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _host,
    _libvirt_identity,
    _libvirt_plan,
    _networkd_shaping,
)

NETWORK = {"mtu": 1500, "host_bridge": None}


@pytest.fixture
def plan(tmp_path: Path) -> _libvirt_plan.Plan:
    quiet = {**NETWORK, "provisioner_address": None, "rate_mbit_per_second": None, "delay_ms": 0.0}
    return _libvirt_plan.make_plan(
        {
            "prefix": "t",
            "state_folder": str(tmp_path),
            "image_disk": "/nowhere",
            "accelerator": "tcg",
            "authorized_key": "ssh-ed25519 AAAA",
            "networks": [
                {**quiet, "name": "management", "bridge": "t-mgmt", "subnet": "198.18.0.0/24"}
                | {"provisioner_address": "198.18.0.1"},
                {**quiet, "name": "migration", "bridge": "t-mig", "subnet": "198.18.1.0/24"}
                | {"rate_mbit_per_second": 100.0},
                {**quiet, "name": "tenant", "bridge": "t-ten", "subnet": "198.18.2.0/24", "host_bridge": "tenant0"},
            ],
            "addresses": {"management": {"one": "198.18.0.11"}, "migration": {"one": "198.18.1.11"}},
            "sizes": {"vcpus": {"one": 1}, "memory_mib": {"one": 1024}, "disk_gib": {"one": 4}},
        }
    )


def test_interfaces_are_named_by_their_hardware_addresses(plan: _libvirt_plan.Plan) -> None:
    bed = plan.testbed
    files = {name: text for name, (text, _mode) in _libvirt_identity.machine_files(bed, bed.hosts[0]).items()}
    for network in bed.networks:
        link = files[f"etc/systemd/network/50-{network.name}.link"]
        assert f"MACAddress={_libvirt_plan.hardware_address(bed, network, bed.hosts[0])}\nType=ether\n" in link
        assert f"Name={network.name}\n" in link
    assert "[TokenBucketFilter]" in files["etc/systemd/network/50-migration.network"]
    assert "TokenBucket" not in files["etc/systemd/network/50-management.network"]
    assert "etc/tmpfiles.d/virtual-host-devices.conf" not in files


def test_a_slow_link_is_one_bucket() -> None:
    assert _networkd_shaping.sections(choose_shape(100), 0.0, 1500) == (
        "\n[TokenBucketFilter]\nParent=root\nHandle=0001\nRate=100000000\nBurstBytes=32768\nLatencySec=50ms\n"
    )


def test_a_delay_comes_before_the_bucket() -> None:
    netem, tbf = _networkd_shaping.sections(choose_shape(1_000), 10.0, 1500).strip().split("\n\n")
    assert netem.splitlines() == [
        "[NetworkEmulator]",
        "Parent=root",
        "Handle=0001",
        "DelaySec=10ms",
        "PacketLimit=1666",
    ]
    assert tbf.splitlines()[:3] == ["[TokenBucketFilter]", "Parent=1:0", "Handle=0010"]


def test_a_fast_link_is_a_class_that_everything_falls_into() -> None:
    for delay_ms, class_id in ((0.0, "1:1"), (1.0, "10:1")):
        text = _networkd_shaping.sections(choose_shape(10_000), delay_ms, 1500)
        assert "DefaultClass=1\n" in text
        assert f"ClassId={class_id}\nRate=10000000000\nBufferBytes=1048576\n" in text


def test_no_rate_and_no_delay_need_nothing() -> None:
    assert _networkd_shaping.sections(None, 0.0, 1500) == ""


@pytest.mark.skipif(shutil.which("mke2fs", path="/usr/sbin:/sbin") is None, reason="needs mke2fs")
def test_the_disk_has_the_private_key_and_nothing_else_has(
    plan: _libvirt_plan.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/sbin:/sbin", prepend=":")
    folder = _host.folder_of(plan.testbed.state_folder, "one")
    folder.path.mkdir(parents=True)
    assert not _libvirt_identity.is_made(folder)
    _libvirt_identity.make(plan.testbed, plan.testbed.hosts[0])
    assert _libvirt_identity.is_made(folder)
    assert sorted(path.name for path in folder.path.iterdir()) == ["identity.img", "ssh_host_ed25519_key.pub"]
    disk = folder.path / "identity.img"
    assert disk.stat().st_mode & 0o777 == 0o600

    def ask(request: str) -> str:
        return subprocess.run(["debugfs", "-R", request, str(disk)], capture_output=True, text=True, check=True).stdout

    assert "OPENSSH PRIVATE KEY" in ask("cat /etc/ssh/ssh_host_ed25519_key")
    assert "Mode:  0600" in ask("stat /etc/ssh/ssh_host_ed25519_key")
    assert "Mode:  0700" in ask("stat /root/.ssh")
    assert ask("cat /etc/hostname") == "one\n"
    assert len(ask("cat /etc/virtual-host-identity").strip()) == 64
    assert _libvirt_identity.public_key(folder) in ask("cat /etc/ssh/ssh_host_ed25519_key.pub")
    assert "identity" in subprocess.run(["e2label", str(disk)], capture_output=True, text=True, check=True).stdout
