# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A guest that cannot work says so on its console and switches itself off; the role's boot check sees both cases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from guest.machine import GuestError, Machine

pytestmark = pytest.mark.guest

_BOOT_ONCE = Path(__file__).parents[2] / "roles" / "workload" / "files" / "boot_once.py"


@pytest.mark.parametrize(
    ("working_set_mib", "command_line", "said"),
    [
        (4000, "", "a working set of 4000 MiB was asked for"),
        (64, "stsm.colour=red", "has a wrong 'stsm.colour'"),
        (64, "stsm.written_disk_mib=0", "has a wrong 'stsm.written_disk_mib'"),
        (64, "stsm.written_disk_mib=1", "the disk /dev/vda could not be opened .*: give the guest one"),
    ],
)
def test_guest_that_cannot_work_says_why(
    image: Path, tmp_path: Path, working_set_mib: int, command_line: str, said: str
) -> None:
    machine = Machine(image, tmp_path, working_set_mib=working_set_mib, command_line=command_line)
    try:
        with pytest.raises(GuestError, match=said):
            machine.wait_until_ready()
    finally:
        machine.stop()


def _boot_once(directory: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_BOOT_ONCE), f"--directory={directory}", f"--seconds={seconds}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_boot_check_sees_the_ready_line(image: Path) -> None:
    done = _boot_once(image, 60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"]["kind"] == "ready"


def test_boot_check_names_a_guest_that_does_not_come_up(tmp_path: Path) -> None:
    done = _boot_once(tmp_path, 5)
    assert done.returncode == 1
    assert f"the guest in {tmp_path} was not ready within 5 s" in done.stderr
