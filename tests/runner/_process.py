# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Run one command with a limit, and end everything it started when the limit is reached."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

MARK = "STSM_TEST_PROCESS_MARK"
GRACE_SECONDS = 10.0


def run(
    command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path, limit_seconds: float
) -> int | None:
    """Append the command's output to log; return its exit status, or None if it had to be ended at the limit.

    The command gets no input and a process group of its own. Some of its descendants (Ansible's workers) leave that
    group, so all carry a mark in their environment, by which exactly they are found again. Whatever interrupts the
    waiting also ends them.
    """
    mark = uuid.uuid4().hex
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return process.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        _end(process, mark)
        return None
    except BaseException:
        _end(process, mark)
        raise


def marked(mark: str) -> list[int]:
    """Return the processes that carry the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # it has ended, or is not ours to read
            continue
    return found


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    _signal(process, mark, signal.SIGTERM)
    give_up = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < give_up and (process.poll() is None or marked(mark)):
        time.sleep(0.1)
    _signal(process, mark, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], mark: str, number: signal.Signals) -> None:
    if process.poll() is None:  # only then is the group's number surely still ours
        os.killpg(process.pid, number)
    for pid in marked(mark):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
