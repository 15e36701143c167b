# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load beside a migration: processors kept busy, a stream over the migration network.

Each is made by processes of their own, which end with this one however it ends: they wait for the end of their
standard input, whose other end it holds.
"""

from __future__ import annotations

import inspect
import json
import os
import select
import subprocess
import sys
from types import ModuleType
from typing import Any, Sequence

from . import _burner, _stream
from ._errors import AgentError

_READY_SECONDS = 10
_LAST_WORDS_SECONDS = 5


class Load:
    """Worker processes, running when this is made; :meth:`stop` ends them and returns what each found."""

    def __init__(self, source: ModuleType, arguments: Sequence[Sequence[Any]]) -> None:
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            for worker_arguments in arguments:
                self._workers.append(_start(source, worker_arguments))
            for worker in self._workers:
                _wait_ready(worker)
        except AgentError:
            self.stop()
            raise

    def stop(self) -> list[dict[str, Any]]:
        """End all workers; one that was killed has found nothing and is left out."""
        # All are let go before the first is waited for: their measurements cover the same time.
        for worker in self._workers:
            if worker.stdin is not None:
                worker.stdin.close()
                worker.stdin = None
        return [json.loads(words) for words in map(_last_words, self._workers) if words]


def busy_processors(percent: float) -> Load:
    """Each processor of this host that may be used, busy for a share of its time."""
    return Load(_burner, [[percent / 100, processor] for processor in sorted(os.sched_getaffinity(0))])


def stream_out(address: str, port: int, source_address: str, mbit_per_second: float) -> Load:
    """The sending end of a stream."""
    return Load(_stream, [["send", address, port, source_address, mbit_per_second]])


def stream_in(address: str, port: int) -> Load:
    """The receiving end of a stream."""
    return Load(_stream, [["receive", address, port]])


def _start(source: ModuleType, arguments: Sequence[Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", inspect.getsource(source), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_ready(worker: subprocess.Popen[bytes]) -> None:
    output: Any = worker.stdout
    if not select.select([output], [], [], _READY_SECONDS)[0]:
        worker.kill()
        raise AgentError(f"The load beside the migration did not begin within {_READY_SECONDS} s.")
    if output.readline().strip() != b"ready":
        complaints: Any = worker.stderr
        lines = complaints.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise AgentError(f"The load beside the migration could not begin ({lines[-1]}).")


def _last_words(worker: subprocess.Popen[bytes]) -> bytes:
    try:
        output, _complaints = worker.communicate(timeout=_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.communicate()
        return b""
    return output if worker.returncode == 0 else b""
