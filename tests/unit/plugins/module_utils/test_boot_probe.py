# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What GRUB's menu boots, as the role kernel reads it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _boot_loader

PROBE = Path(__file__).parents[4] / "roles/kernel/files/boot_probe.py"
# As update-grub writes it, shortened.
MENU = """
if [ -s $prefix/grubenv ]; then
  load_env
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
  fi
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-1f' {
\tinsmod ext2
\tlinux\t/boot/vmlinuz-6.12.118+deb13-amd64 root=UUID=1f ro  quiet
\tinitrd\t/boot/initrd.img-6.12.118+deb13-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1f' {
\tmenuentry 'Debian GNU/Linux, with Linux 6.12.118+deb13-amd64' $menuentry_id_option 'gnulinux-a-advanced-1f' {
\t\tlinux\t/boot/vmlinuz-6.12.118+deb13-amd64 root=UUID=1f ro
\t\tinitrd\t/boot/initrd.img-6.12.118+deb13-amd64
\t}
\tmenuentry 'Debian GNU/Linux, with Linux 6.12.118 (recovery mode)' $menuentry_id_option 'gnulinux-a-recovery-1f' {
\t\tlinux\t/boot/vmlinuz-6.12.118+deb13-amd64 root=UUID=1f ro single
\t\tinitrd\t/boot/initrd.img-6.12.118+deb13-amd64
\t}
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
\tfwsetup
}
menuentry 'Linux 6.12.107-stsm-0123abcd (stsm.live_migration)' --id 'stsm-kernel-6.12.107-stsm-0123abcd' {
  linux /boot/vmlinuz-6.12.107-stsm-0123abcd root=PARTUUID=2e rw
}
"""
BUILT = {"id": "stsm-kernel-6.12.107-stsm-0123abcd", "release": "6.12.107-stsm-0123abcd", "initrd": False}


@pytest.fixture(scope="module")
def probe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("boot_probe", PROBE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_entries_are_named_with_their_submenus_and_those_for_recovery_are_left_out(probe: ModuleType) -> None:
    distribution = {"release": "6.12.118+deb13-amd64", "initrd": True}
    assert probe.read_menu(MENU) == [
        {"id": "gnulinux-simple-1f", **distribution},
        {"id": "gnulinux-advanced-1f>gnulinux-a-advanced-1f", **distribution},
        BUILT,
    ]


def test_the_first_menu_of_a_virtual_host_is_read(probe: ModuleType) -> None:
    (entry,) = probe.read_menu(_boot_loader.menu("6.12.118+deb13-amd64", ("mitigations=off",)))
    assert entry == {"id": "6.12.118+deb13-amd64", "release": "6.12.118+deb13-amd64", "initrd": True}


@pytest.mark.parametrize(
    ("saved", "release"),
    [
        (None, "6.12.118+deb13-amd64"),
        (BUILT["id"], "6.12.107-stsm-0123abcd"),
        ("an entry that is gone", "6.12.118+deb13-amd64"),
    ],
)
def test_a_boot_takes_the_saved_entry_or_the_first(probe: ModuleType, saved: str | None, release: str) -> None:
    assert probe.chosen(probe.read_menu(MENU), saved)["release"] == release


def test_an_empty_menu_boots_nothing(probe: ModuleType) -> None:
    assert probe.chosen(probe.read_menu(""), "x") is None


def test_arguments_are_kept_but_those_that_say_where_things_are(probe: ModuleType) -> None:
    line = "BOOT_IMAGE=/boot/vmlinuz-6 root=LABEL=virtual-host rw console=ttyS0 'dyndbg=file a +p' initrd=/x quiet\n"
    assert probe.kept_arguments(line) == ["rw", "console=ttyS0", "dyndbg=file a +p", "quiet"]
