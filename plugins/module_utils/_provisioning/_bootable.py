# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a host that boots by itself has beyond one in a container: kernel, initramfs, a root that grows, no waste."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _identity_disk

PACKAGES = (
    "apparmor",
    "e2fsprogs",
    "grub-pc-bin",
    "grub2-common",
    "initramfs-tools",
    "linux-image-amd64",
    "systemd-repart",
    "zstd",
)
# What costs time at each boot and is of no use to a host that lives for hours: recording boots, other machines'
# binaries, a screen. systemd-repart is started by the unit below.
MASKED_UNITS = (
    "dev-mqueue.mount",
    "e2scrub_reap.service",
    "grub-common.service",
    "modprobe@drm.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "systemd-binfmt.service",
    "systemd-journal-flush.service",
    "systemd-networkd-persistent-storage.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-repart.service",
    "systemd-udev-load-credentials.service",
)
# They look for disks and settings that a host does not have.
_MASKED_GENERATORS = (
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-ssh-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
)
# Devices that a virtual machine shows and a host does not use, and wireless networks, which networkd asks for.
_UNUSED_MODULES = (
    "ahci",
    "cfg80211",
    "i2c_i801",
    "iTCO_wdt",
    "lpc_ich",
    "pcspkr",
    "psmouse",
    "qemu_fw_cfg",
    "serio_raw",
    "vga16fb",
)
# Of what packages enable for each boot, that which a host itself needs. The rest is started by the role that deploys
# it; sockets stay enabled.
_KEPT_UNITS = ("apparmor.service", "remote-fs.target", "ssh.service", "systemd-networkd.service")
_GROW_UNIT = """\
[Unit]
Description=Grow the root file system to its disk
DefaultDependencies=no
After=systemd-remount-fs.service
Before=sysinit.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=!/var/lib/virtual-host/grown

[Service]
Type=oneshot
RemainAfterExit=yes
StateDirectory=virtual-host
ExecStart=systemd-repart --dry-run=no
ExecStart=/usr/lib/systemd/systemd-growfs /
ExecStart=touch /var/lib/virtual-host/grown

[Install]
WantedBy=sysinit.target
"""
_GROW = "virtual-host-grow.service"
# What a virtio host needs to find its root, and no more.
EARLY_FILES: dict[str, tuple[str, int]] = {
    "etc/initramfs-tools/conf.d/virtual-host": ("MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\n", 0o644),
    "usr/share/initramfs-tools/modules.d/virtual-host": ("virtio_pci\nvirtio_blk\next4\n", 0o644),
    **_identity_disk.EARLY_FILES,
}
FILES: dict[str, tuple[str, int]] = {
    "etc/fstab": ("LABEL=virtual-host / ext4 noatime,noinit_itable 0 0\n", 0o644),
    "etc/modprobe.d/virtual-host.conf": ("".join(f"blacklist {name}\n" for name in _UNUSED_MODULES), 0o644),
    "etc/repart.d/50-root.conf": ("[Partition]\nType=root-x86-64\n", 0o644),
    f"etc/systemd/system/{_GROW}": (_GROW_UNIT, 0o644),
    **_identity_disk.FILES,
}


def recipe() -> list[Any]:
    """What of this file goes into an image, for the digest."""
    files = [sorted(EARLY_FILES.items()), sorted(FILES.items())]
    return [PACKAGES, MASKED_UNITS, _MASKED_GENERATORS, _KEPT_UNITS, files]


def kernel_release(root: Path) -> str:
    """The version of the one kernel in the tree, as uname says it."""
    releases = sorted(path.name for path in (root / "usr/lib/modules").iterdir())
    if len(releases) != 1:
        raise MachineError(f"the image has the kernels {releases} but one was needed: name none in its packages")
    return releases[0]


def lay(root: Path) -> None:
    """Make a configured tree one that boots by itself, and fast."""
    wanted = {link.name for link in root.glob("etc/systemd/system/*.wants/*") if link.suffix in (".service", ".target")}
    # With their aliases, by which they would still be taken for enabled.
    run(["systemctl", f"--root={root}", "--quiet", "disable", *sorted(wanted - set(_KEPT_UNITS))])
    run(["systemctl", f"--root={root}", "--quiet", "enable", _GROW])
    generators = root / "etc/systemd/system-generators"
    generators.mkdir()
    for name in _MASKED_GENERATORS:
        (generators / name).symlink_to("/dev/null")
    # What systemd does at the first boot after a change of /usr, the packages have done.
    updated = f"TIMESTAMP_NSEC={time.time_ns()}\n"
    for folder in ("etc", "var"):
        _paths.write_file(root / folder / ".updated", updated)
