# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A disk has its boot loader where the BIOS and the loader itself look for it, and each byte of it counts."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _apparmor,
    _boot_loader,
    _builder,
    _disk,
)

CHUNK = _disk._CHUNK_BYTES


def test_the_boot_sector_names_the_core_and_leaves_the_partition_table() -> None:
    code = _boot_loader.boot_sector(bytes(range(256)) * 2, 2048)
    assert len(code) == 440
    assert code[0x5C:0x64] == struct.pack("<Q", 2048)
    assert code[:0x5C] == bytes(range(0x5C)) and code[0x64:0x66] == b"\x64\x65"


def test_the_core_names_the_sector_after_its_first_and_is_changed_nowhere_else() -> None:
    core = bytes(i % 251 for i in range(2000))
    image = _boot_loader.core_image(core, 2048)
    assert image[0x1F4:0x1FC] == struct.pack("<Q", 2049)
    assert image[:0x1F4] + image[0x1FC:] == core[:0x1F4] + core[0x1FC:]


def test_the_first_menu_and_those_to_come_boot_with_the_same_arguments() -> None:
    arguments = _boot_loader._arguments(["nosmt"])
    assert arguments.startswith("root=LABEL=virtual-host ") and arguments.endswith(" nosmt")
    assert f"linux /boot/vmlinuz-6.12.0 {arguments}\n" in _boot_loader.menu("6.12.0", ["nosmt"])
    assert f'GRUB_CMDLINE_LINUX="{arguments}"\n' in _boot_loader.defaults(["nosmt"])


def test_partitions_leave_room_for_both_tables() -> None:
    table = _disk.partition_table(1024)
    assert "start=1MiB, size=1MiB" in table and "start=2MiB, size=1021MiB" in table


@pytest.mark.parametrize(("megabytes", "entries"), [(0, 0), (100, 2000), (700, 40000)])
def test_a_disk_has_room_for_its_tree_and_for_work(megabytes: int, entries: int) -> None:
    size_mib = _disk.disk_mib(megabytes * 1024 * 1024, entries)
    assert size_mib % 256 == 0
    assert megabytes + entries * 4 / 1024 + 512 < size_mib < 2 * megabytes + entries + 1024


def test_the_same_contents_have_the_same_fingerprint_with_and_without_holes(tmp_path: Path) -> None:
    sparse, full = tmp_path / "sparse", tmp_path / "full"
    with sparse.open("wb") as opened:
        opened.truncate(4 * CHUNK)
        opened.seek(2 * CHUNK + 5)
        opened.write(b"data")
    full.write_bytes(sparse.read_bytes())
    assert _disk.fingerprint(sparse) == _disk.fingerprint(full)


@pytest.mark.parametrize("place", [0, CHUNK - 1, CHUNK, 2 * CHUNK + 6, 4 * CHUNK - 1])
def test_a_flipped_byte_is_seen_anywhere(tmp_path: Path, place: int) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(2 * CHUNK) + b"x" * CHUNK + bytes(CHUNK))
    before = _disk.fingerprint(disk)
    with disk.open("r+b") as opened:
        opened.seek(place)
        opened.write(b"?")
    assert _disk.fingerprint(disk) != before


def test_moved_and_missing_data_are_seen(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"x" * CHUNK + bytes(CHUNK))
    before = _disk.fingerprint(disk)
    disk.write_bytes(bytes(CHUNK) + b"x" * CHUNK)
    assert _disk.fingerprint(disk) != before
    disk.write_bytes(b"x" * CHUNK + bytes(CHUNK - 1))
    assert _disk.fingerprint(disk) != before


def test_only_profiles_that_confine_are_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apparmor.d"
    (folder / "disable").mkdir(parents=True)
    (folder / "abstractions").mkdir()
    for name, flags in (
        ("confines", "flags=(attach_disconnected)"),
        ("logs", "flags=(complain,attach_disconnected)"),
        ("allows", "flags=(unconfined)"),
    ):
        (folder / name).write_text(f"abi <abi/4.0>,\nprofile {name} /usr/bin/{name} {flags} {{\n  userns,\n}}\n")
    _apparmor.disable_idle_profiles(tmp_path)
    assert sorted(link.name for link in (folder / "disable").iterdir()) == ["allows", "logs"]


def test_features_are_read_among_other_messages() -> None:
    console = (
        "Booting\r\napparmor-feature file/mask create read\r\n[ 1.0] random\r\napparmor-feature capability 0xff\r\n"
    )
    assert _apparmor.parse_features(console) == {"file/mask": "create read", "capability": "0xff"}
    assert _apparmor.parse_features("Kernel panic\r\n") == {}


APT = """\
I: running apt-get
E: Unable to locate package nosuch
E: apt-get --yes install failed
"""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (APT, "E: Unable to locate package nosuch"),
        ("E: all failed\n", "E: all failed"),
        ("first\nlast\n\n", "last"),
    ],
)
def test_the_cause_is_told_from_what_followed(output: str, said: str) -> None:
    assert _builder._what_was_wrong(output) == said


def test_a_step_that_fails_says_what_was_to_be_made(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        builder = _builder.Builder(lock.fileno())
        with pytest.raises(MachineError, match="^no disk: E: too small$"):
            builder.run(["sh", "-c", "echo E: too small; exit 3"], "no disk")
        assert builder.run(["cat"], "no disk", stdin="table") == "table"
        with pytest.raises(MachineError, match="no-such-command"):
            builder.run(["no-such-command"], "no disk")
