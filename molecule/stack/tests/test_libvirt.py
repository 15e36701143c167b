# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What becomes of a host whose libvirt is replaced and does not come up, or whose deployment dies half-way.

The distribution's libvirt is real. The built one is the tiny one, which no client can reach: just the thing.
"""

from __future__ import annotations

import os
import signal

import pytest
from stack_hosts import begin, refusal, succeed
from testinfra.host import Host

testinfra_hosts = ["ansible://compute1"]

PLAYBOOK = "libvirt.yml"
PACKAGES = "libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients python3-libvirt"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends --allow-downgrades install"
ANSWERS = "timeout 60 virsh --quiet --connect qemu:///system list --name"


def version(host: Host, package: str) -> str:
    """The installed version, or ''."""
    shown = host.run("dpkg-query --show --showformat='${db:Status-Status} ${Version}' " + package).stdout.split()
    return shown[1] if shown[:1] == ["installed"] else ""


@pytest.fixture(scope="module")
def distribution(host: Host) -> str:
    """The distribution's libvirt on the host, by its version."""
    host.check_output(f"apt-get --quiet update && {INSTALL} {PACKAGES}")
    host.check_output(ANSWERS)
    return version(host, "libvirt-daemon")


def test_a_libvirt_that_does_not_answer_leaves_the_host_on_the_former_one(host: Host, distribution: str) -> None:
    host.check_output("echo '# mine' >> /etc/libvirt/qemu.conf")
    refused = refusal(PLAYBOOK, libvirt_stack="built")
    assert f"and has {distribution} as before, because: " in refused
    host.check_output(ANSWERS)
    assert (version(host, "libvirt-daemon"), version(host, "stsm-libvirt")) == (distribution, "")
    assert host.file("/etc/libvirt/qemu.conf").contains("^# mine$")
    assert not host.file("/etc/apt/preferences.d/stsm-libvirt").exists
    assert not host.file("/usr/sbin/policy-rc.d").exists
    assert "changed=0" in succeed(PLAYBOOK, libvirt_stack="distro")


def test_a_run_killed_after_the_packages_is_made_up_for_by_the_next(host: Host, distribution: str) -> None:
    host.check_output(f"{INSTALL} stsm-libvirt")
    assert host.run(ANSWERS).rc != 0
    dying = begin(PLAYBOOK, libvirt_stack="distro")
    assert dying.stdout is not None
    for line in dying.stdout:
        if "begin | Have the units from the package" in line:
            os.killpg(dying.pid, signal.SIGKILL)
    assert dying.wait() == -signal.SIGKILL
    assert version(host, "libvirt-daemon") == distribution
    assert host.run("systemctl is-active libvirtd.socket").rc != 0
    succeed(PLAYBOOK, libvirt_stack="distro")
    host.check_output(ANSWERS)
    assert host.run("ls /run/systemd/system/libvirtd.service").rc != 0
    assert "changed=0" in succeed(PLAYBOOK, libvirt_stack="distro")
