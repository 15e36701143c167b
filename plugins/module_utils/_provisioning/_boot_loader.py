# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""GRUB for a BIOS, laid into a disk image without its installer, which looks for it among the machine's disks."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._builder import Builder

ROOT_LABEL = "virtual-host"
FOLDER = "boot/grub/i386-pc"
SECTOR_BYTES = 512
# Of boot.img: its code ends where the partition table begins; where the first sector of core.img stands (GRUB's
# include/grub/i386/pc/boot.h).
_BOOT_CODE_BYTES = 440
_BOOT_CORE_SECTOR_OFFSET = 0x5C
# Of core.img: its first sector ends with the list of where the rest lies, of which the first entry is the last.
_CORE_NEXT_SECTOR_OFFSET = SECTOR_BYTES - 12
MODULES = ("biosdisk", "part_gpt", "ext2", "search", "search_label", "normal")
# The prefix is found by the label: disks may come in any order.
CORE_CONFIGURATION = f"search --no-floppy --label --set=root {ROOT_LABEL}\nset prefix=($root)/boot/grub\n"
_SERIAL = "serial --unit=0 --speed=115200"
# Time for a key (Escape shows the menu); a menu that is drawn is many screens in the console's log.
_TIMEOUT_SECONDS = 1
# A host whose kernel gives up starts again, so that a campaign finds it.
_PANIC = "panic=10"


def _arguments(kernel_arguments: Sequence[str]) -> str:
    # Mounted for writing at once: the identity is laid before init starts. The journal repairs what a reset leaves.
    fixed = (f"root=LABEL={ROOT_LABEL}", "rw", "fsck.mode=skip", "console=ttyS0", "quiet", _PANIC)
    return " ".join((*fixed, *kernel_arguments))


def defaults(kernel_arguments: Sequence[str]) -> str:
    """/etc/default/grub, from which update-grub makes a menu that boots the same."""
    return f"""\
# A saved entry lets grub-reboot boot another kernel once.
GRUB_DEFAULT=saved
GRUB_TIMEOUT={_TIMEOUT_SECONDS}
GRUB_TIMEOUT_STYLE=hidden
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="{_arguments(kernel_arguments)}"
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="{_SERIAL}"
GRUB_DISABLE_RECOVERY=true
GRUB_DISABLE_SUBMENU=true
"""


def menu(kernel_release: str, kernel_arguments: Sequence[str]) -> str:
    """The first grub.cfg; update-grub replaces it when a host installs a kernel."""
    return f"""\
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ]; then
  set default="${{next_entry}}"
  set next_entry=
  save_env next_entry
else
  set default="${{saved_entry}}"
fi
{_SERIAL}
terminal_input serial
terminal_output serial
set timeout={_TIMEOUT_SECONDS}
set timeout_style=hidden
menuentry "Debian, with Linux {kernel_release}" --id "{kernel_release}" {{
  search --no-floppy --label --set=root {ROOT_LABEL}
  linux /boot/vmlinuz-{kernel_release} {_arguments(kernel_arguments)}
  initrd /boot/initrd.img-{kernel_release}
}}
"""


def recipe() -> list[Any]:
    """What of this file goes into an image, for the digest."""
    return [defaults(()), menu("", ()), MODULES, CORE_CONFIGURATION]


def lay(builder: Builder, root: Path, kernel_release: str, kernel_arguments: Sequence[str]) -> None:
    """Put the menu, and the modules and images of the tree's own boot loader, where it looks for them."""
    failed = "the boot loader could not be laid"
    modules = root / "usr/lib/grub/i386-pc"
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for found in modules.iterdir():
        if found.suffix in (".mod", ".lst") or found.name == "boot.img":
            shutil.copyfile(str(found), str(folder / found.name))
    configuration = folder / "load.cfg"
    configuration.write_text(CORE_CONFIGURATION, encoding="utf-8")
    argv = ["grub-mkimage", "--format=i386-pc", "--prefix=/boot/grub", f"--config=/{FOLDER}/load.cfg"]
    builder.run_in(root, [*argv, f"--output=/{FOLDER}/core.img", *MODULES], failed)
    builder.run_in(root, ["grub-editenv", "/boot/grub/grubenv", "create"], failed)
    _paths.write_file(root / "boot/grub/grub.cfg", menu(kernel_release, kernel_arguments))


def boot_sector(boot_image: bytes, core_sector: int) -> bytes:
    """The code of the first sector, which loads the sector `core_sector`; the partition table follows it."""
    code = bytearray(boot_image[:_BOOT_CODE_BYTES])
    struct.pack_into("<Q", code, _BOOT_CORE_SECTOR_OFFSET, core_sector)
    return bytes(code)


def core_image(core: bytes, core_sector: int) -> bytes:
    """What is written from `core_sector` on; its first sector loads the others, which follow it."""
    image = bytearray(core)
    struct.pack_into("<Q", image, _CORE_NEXT_SECTOR_OFFSET, core_sector + 1)
    return bytes(image)
