# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""AppArmor confines a guest of the built QEMU and the built libvirt as it does the distribution's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://compute1"]

EMULATOR = "/opt/stsm-live-migration/qemu/current/bin/qemu-system-x86_64"
DISK = "/var/lib/libvirt/images/confined.raw"
START = f"""\
truncate --size=1M {DISK}
cat > /root/confined.xml <<END
<domain type='kvm'><name>confined</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>{EMULATOR}</emulator>
<disk type='file'><driver name='qemu' type='raw'/><source file='{DISK}'/><target dev='vda'/></disk>
</devices></domain>
END
virsh --quiet create /root/confined.xml && cat /run/libvirt/qemu/confined.pid"""


@pytest.fixture(scope="module")
def process(host: Host) -> Iterator[str]:
    """The process of a guest with a disk."""
    yield host.check_output(START).strip()
    host.check_output(f"virsh --quiet destroy confined; rm -f {DISK}")


def test_guest_is_confined_by_a_profile_of_its_own(host: Host, process: str) -> None:
    assert host.check_output(f"readlink /proc/{process}/exe") == host.check_output(f"readlink -f {EMULATOR}")
    uuid = host.check_output("virsh domuuid confined").strip()
    assert host.check_output(f"cat /proc/{process}/attr/current") == f"libvirt-{uuid} (enforce)"


def test_security_driver_was_not_switched_off(host: Host) -> None:
    assert "<model>apparmor</model>" in host.check_output("virsh capabilities")
    assert host.check_output("virsh dominfo confined | grep 'Security label'").endswith("(enforcing)")


def test_guest_can_use_userfaultfd_within_its_profile(host: Host, process: str) -> None:
    found = host.check_output(
        "virsh qemu-monitor-command confined"
        ' \'{"execute": "migrate-set-capabilities",'
        ' "arguments": {"capabilities": [{"capability": "postcopy-ram", "state": true}]}}\''
    )
    assert '"error"' not in found, found
