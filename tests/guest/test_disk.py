# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest's disk: written while it boots, and what is wrong there is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guest.machine import GuestError, Machine

pytestmark = pytest.mark.guest

_WRITTEN_MIB, _SIZE_MIB, _PAGES_PER_MIB = 3, 8, 256


@contextmanager
def _guest_with_disk(image: Path, folder: Path, written_mib: int) -> Iterator[tuple[Machine, Path]]:
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(_SIZE_MIB << 20)
    drive = ("-drive", f"file={disk},format=raw,if=virtio")
    words = f"stsm.written_disk_mib={written_mib}"
    machine = Machine(image, folder, working_set_mib=16, network=False, command_line=words, arguments=drive)
    try:
        yield machine, disk
    finally:
        machine.stop()


def test_what_was_written_is_on_the_disk_and_wrong_pages_are_counted(image: Path, tmp_path: Path) -> None:
    with _guest_with_disk(image, tmp_path, _WRITTEN_MIB) as (machine, disk):
        machine.wait_until_ready()
        verified = machine.command("verify")
        assert (verified["disk_pages"], verified["wrong_disk_count"]) == (_WRITTEN_MIB * _PAGES_PER_MIB, 0)
        content = disk.read_bytes()
        assert all(any(content[at : at + 4096]) for at in range(0, _WRITTEN_MIB << 20, 4096))
        assert not any(content[_WRITTEN_MIB << 20 :])
        with disk.open("r+b") as file:
            # The second page is the first one's, the third has one bit wrong.
            file.seek(4096)
            file.write(content[:4096])
            file.seek(3 * 4096 - 1)
            file.write(bytes([content[3 * 4096 - 1] ^ 1]))
        assert machine.command("verify")["wrong_disk_count"] == 2


def test_a_disk_that_is_too_small_is_told_of(image: Path, tmp_path: Path) -> None:
    words = f"MiB {_SIZE_MIB} of the disk could not be written"
    with _guest_with_disk(image, tmp_path, _SIZE_MIB + 1) as (machine, _disk), pytest.raises(GuestError, match=words):
        machine.wait_until_ready()


def test_a_guest_without_a_disk_has_none_to_verify(guest: Machine) -> None:
    verified = guest.command("verify")
    assert (verified["disk_pages"], verified["wrong_disk_count"]) == (0, 0)
