# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of a QEMU, with another program in QEMU's place: whatever ends, nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _keeper
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of

LIVES_ON = "import sys, time; print('a warning', file=sys.stderr, flush=True); time.sleep(60)"


def begin(folder: Path, program: str = LIVES_ON, **order: Any) -> subprocess.Popen[bytes]:
    """A keeper of a Python program."""
    asked = {
        "folder": str(folder),
        "owner": [os.getuid(), os.getgid()],
        "tap": None,
        "outputs": [],
        "command": [sys.executable, "-c", program],
        **order,
    }
    return subprocess.Popen(
        [sys.executable, "-c", source_of(_keeper), json.dumps(asked)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ready(keeper: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait until what is kept runs; returns its process."""
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    return int((folder / "pid").read_text())


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def last_words(keeper: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, _complaints = keeper.communicate(timeout=20)
    words: dict[str, Any] = json.loads(output.splitlines()[-1])
    return words


def test_what_is_kept_ends_when_the_keeper_is_let_go_of(tmp_path: Path) -> None:
    keeper = begin(tmp_path / "guest", outputs=[str(tmp_path / "told/results")])
    pid = ready(keeper, tmp_path / "guest")
    assert (tmp_path / "guest").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "told/results").stat().st_mode & 0o777 == 0o600
    time.sleep(0.2)
    assert last_words(keeper) == {"status": -signal.SIGKILL, "said": "a warning"}
    assert not is_alive(pid)
    assert not (tmp_path / "guest").exists()


def test_it_is_told_how_what_is_kept_ended_by_itself(tmp_path: Path) -> None:
    program = "import sys; sys.exit('qemu: could not load the kernel')"
    keeper = begin(tmp_path / "guest", program)
    keeper.wait(20)
    assert last_words(keeper) == {"status": 1, "said": "qemu: could not load the kernel"}
    assert not (tmp_path / "guest").exists()


def test_what_a_killed_keeper_has_left_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    keeper = begin(folder)
    pid = ready(keeper, folder)
    keeper.kill()
    keeper.communicate()
    # QEMU itself is told to die with its keeper; this program is not.
    os.kill(pid, signal.SIGKILL)
    assert (folder / "pid").exists()
    successor = begin(folder)
    assert ready(successor, folder) != pid
    successor.communicate()
    assert not folder.exists()


def test_a_name_is_kept_once_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begin(tmp_path / "guest")
    pid = ready(first, tmp_path / "guest")
    monkeypatch.setattr(_keeper, "_PREDECESSOR_SECONDS", 0.1)
    with pytest.raises(SystemExit, match="is in use: another QEMU of this name is being kept"):
        _keeper.make_folder(tmp_path / "guest", (os.getuid(), os.getgid()))
    assert is_alive(pid)
    first.communicate()


def test_a_bridge_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="There is no bridge nobridge0: set tenant_bridge"):
        _keeper.make_tap("stsm-tap1", "nobridge0", "fe:54:00:73:74:6d")
