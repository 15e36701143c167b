# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A host runs the kernel that was built, can do what hypervisors do, and comes back from a kernel that fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://compute1"]

ROOT = Path(__file__).parents[3]
INVENTORIES = ("inventories/nested_vms", "molecule/inventory_nested", "molecule/inventory_nested_kernel")
BROKEN = "linux-image-6.99.0-stsm-deadbeef"
# A package of a kernel that finds no root; the image is that of the running one.
PACK = f"""
set -e
root=$(mktemp --directory)
mkdir -p $root/boot $root/DEBIAN
cp /boot/vmlinuz-$(uname -r) $root/boot/vmlinuz-{BROKEN.removeprefix("linux-image-")}
cat > $root/DEBIAN/control <<END
Package: {BROKEN}
Version: 1
Architecture: amd64
Maintainer: nobody <nobody@invalid>
Description: A kernel that finds no root
END
dpkg-deb --root-owner-group -Znone --build $root /tmp/broken.deb
dpkg --install /tmp/broken.deb
"""


@pytest.fixture(scope="module")
def release() -> str:
    """What uname says on the kernel that the builder has made."""
    builder = Host.get_host("ansible://builder1", ansible_inventory=str(ROOT / "molecule/inventory_nested/hosts.yml"))
    fact = json.loads(builder.file("/etc/ansible/facts.d/stsm_kernel.fact").content_string)
    name: str = fact["packages"][0]["name"]
    return name.removeprefix("linux-image-")


def test_host_runs_the_kernel_that_was_built_without_an_initrd(host: Host, release: str) -> None:
    assert host.check_output("uname -r") == release
    assert not host.file(f"/boot/initrd.img-{release}").exists
    assert "root=PARTUUID=" in host.check_output("cat /proc/cmdline")


def test_host_is_as_sound_as_on_the_distributions_kernel(host: Host) -> None:
    assert host.check_output("systemctl is-system-running --wait || true") == "running"
    assert host.run("aa-enabled").stdout.strip() == "Yes"
    assert host.check_output("cat /sys/module/kvm_*/parameters/npt || cat /sys/module/kvm_*/parameters/ept") == "Y"
    assert host.file("/dev/kvm").exists and host.file("/dev/userfaultfd").exists
    assert "netem" in host.check_output("tc qdisc show dev migration")


def test_record_would_name_the_kernels_build(host: Host, release: str) -> None:
    fact = json.loads(host.file("/etc/ansible/facts.d/stsm_kernel.fact").content_string)
    assert release.endswith(f"-stsm-{fact['digest'][:8]}")


def test_distributions_kernel_stays_bootable(host: Host, release: str) -> None:
    others = host.check_output("ls /boot/vmlinuz-*").split()
    assert len([path for path in others if not path.endswith(release)]) == 1
    assert release in host.check_output("grub-editenv - list")


@pytest.mark.parametrize(
    "arguments",
    [
        ["panic=10", "rootwait=5", "root=PARTUUID=none"],
        # Only the watchdog restarts a host whose kernel is well and whose user space never comes.
        ["panic=0", "watchdog.open_timeout=30", "init=/usr/bin/sleep", "--", "infinity"],
    ],
    ids=["panic", "hang"],
)
def test_kernel_that_does_not_boot_is_followed_by_the_one_before(
    host: Host, release: str, arguments: list[str]
) -> None:
    host.check_output(PACK)
    command = ["ansible-playbook", *(f"--inventory={ROOT / inventory}" for inventory in INVENTORIES), "kernel.yml"]
    variables = {"kernel_package": BROKEN, "kernel_arguments": arguments}
    refused = subprocess.run(
        [*command, f"--extra-vars={json.dumps(variables)}"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    said = " ".join(refused.stdout.split())
    assert f"which did not come up: it fell back to {release}, which is still its default" in said, said
    assert host.check_output("uname -r") == release
    assert "deadbeef" not in host.check_output("grub-editenv - list")
