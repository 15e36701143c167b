# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Commands end at their limit, with everything they started and nothing else."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from runner import _process

ESCAPES_ITS_GROUP = "setsid sleep 60 & echo $! > child; sleep 60"


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_output_and_status_are_kept_and_input_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "log"
    status = _process.run(("bash", "-c", "echo out; echo error >&2; cat; exit 3"), log, os.environ, tmp_path, 30)
    assert status == 3
    assert log.read_text() == "out\nerror\n"


def test_the_limit_ends_also_what_left_the_process_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "GRACE_SECONDS", 2.0)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        assert _process.run(("bash", "-c", ESCAPES_ITS_GROUP), tmp_path / "log", os.environ, tmp_path, 1.0) is None
        assert not is_alive(int((tmp_path / "child").read_text()))
        assert bystander.poll() is None
        bystander.kill()


def test_what_ignores_the_polite_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "GRACE_SECONDS", 0.5)
    begun = time.monotonic()
    stubborn = ("bash", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    assert _process.run(stubborn, tmp_path / "log", os.environ, tmp_path, 0.5) is None
    assert time.monotonic() - begun < 10


def test_an_interruption_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        started.append(process.pid)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _process.run(("sleep", "60"), tmp_path / "log", os.environ, tmp_path, 30)
    assert [is_alive(pid) for pid in started] == [False]
