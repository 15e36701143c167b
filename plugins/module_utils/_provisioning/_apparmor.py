# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""AppArmor's profiles compiled for the kernel of an image, so that no host has to do it at its first boot."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._builder import Builder

# Profiles that only log, or that give back a right which Debian's kernel takes from nobody. There are dozens, and
# loading them takes an emulated host as long as the rest of its boot.
_CONFINES_NOTHING = re.compile(r"^profile .*flags=\([^)]*\b(?:complain|default_allow|unconfined)\b", re.MULTILINE)
_FAILED = "AppArmor's profiles could not be compiled for the image"
_BOOT_TIMEOUT_SECONDS = 300
_MARK = "apparmor-feature"
# Runs as the first process of the image's own kernel, in its initramfs, and says what that kernel offers. A kernel
# whose first process ends panics, and QEMU ends with it.
_ASK = f"""\
#!/bin/sh
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mkdir -p /sys
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
cd /sys/kernel/security/apparmor/features || exit
for name in * */* */*/* */*/*/*; do
  [ -f "$name" ] && echo "{_MARK} $name $(cat "$name")"
done
"""


def parse_features(console: str) -> dict[str, str]:
    """File name → content of the kernel's features, from what its console showed."""
    return dict(re.findall(rf"^{_MARK} (\S+) (.*?)\r?$", console, re.MULTILINE))


def disable_idle_profiles(root: Path) -> None:
    """Leave out of a tree, as aa-disable(8) does, the profiles that confine nothing."""
    folder = root / "etc/apparmor.d"
    for profile in sorted(path for path in folder.iterdir() if path.is_file()):
        if _CONFINES_NOTHING.search(profile.read_text(encoding="utf-8")):
            (folder / "disable" / profile.name).symlink_to(f"/etc/apparmor.d/{profile.name}")


def compile_profiles(builder: Builder, root: Path, kernel: Path, initramfs: Path) -> None:
    """Fill the cache of a tree's AppArmor; takes one boot of its kernel up to the first process."""
    features = _ask_kernel(builder, root, kernel, initramfs)
    folder = root / "tmp/apparmor-features"
    for name, content in features.items():
        _paths.write_file(folder / name, content + "\n")
    argv = ["apparmor_parser", f"--kernel-features=/{folder.relative_to(root)}", "--skip-kernel-load", "--write-cache"]
    builder.run_in(root, [*argv, "--quiet", "/etc/apparmor.d"], _FAILED)
    _paths.remove_folder(folder)


def _ask_kernel(builder: Builder, root: Path, kernel: Path, initramfs: Path) -> dict[str, str]:
    """What the kernel's AppArmor offers, from a boot of it."""
    ask = root / "tmp/ask"
    _paths.write_file(ask / "init", _ASK, 0o755)
    archive = builder.run_in(root, ["sh", "-c", "cd /tmp/ask && echo init | cpio --quiet -o -H newc"], _FAILED)
    _paths.remove_folder(ask)
    asking = kernel.with_name("asking.img")
    console = kernel.with_name("console.txt")
    # A later archive's files replace those of an earlier one; the kernel looks for it at a multiple of four.
    size = initramfs.stat().st_size
    asking.write_bytes(initramfs.read_bytes() + bytes(-size % 4) + archive.encode())
    argv = ["timeout", str(_BOOT_TIMEOUT_SECONDS), "qemu-system-x86_64", "-nodefaults", "-display", "none"]
    argv += ["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512", "-no-reboot", "-serial", f"file:{console}"]
    argv += ["-kernel", str(kernel), "-initrd", str(asking), "-append", "console=ttyS0 quiet panic=-1"]
    builder.run(argv, _FAILED)
    features = parse_features(console.read_text(encoding="utf-8", errors="replace"))
    if not features:
        raise MachineError(f"{_FAILED}: its kernel {kernel} said nothing of AppArmor in {console}")
    asking.unlink()
    console.unlink()
    return features
