# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QMP client, against a real QEMU where the machine has one, and against a peer that behaves as none would."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._qmp import (
    QmpClient,
    QmpEndedError,
    QmpError,
)

QEMU = shutil.which("qemu-system-x86_64")
GREETING = {"QMP": {"version": {"qemu": {"major": 11, "minor": 1, "micro": 3}}, "capabilities": ["oob"]}}
Events = list[tuple[str, int, Any]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def qemu(tmp_path: Path, events: Events) -> Iterator[tuple[QmpClient, subprocess.Popen[bytes]]]:
    if QEMU is None:
        pytest.skip("this machine has no QEMU")
    path = str(tmp_path / "qmp")
    command = [QEMU, "-machine", "none", "-nodefaults", "-display", "none", "-qmp", f"unix:{path},server=on,wait=off"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    client = QmpClient(path, lambda *event: events.append(event))
    yield client, process
    process.kill()
    process.wait()
    client.close()


def test_qemu_answers_each_of_several_threads_its_own_question(qemu: tuple[QmpClient, Any]) -> None:
    client, _process = qemu
    found: list[Any] = []

    def ask(name: str) -> None:
        found.extend((name, client.execute(name)) for _time in range(20))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("query-status", "query-name", "query-migrate")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert all(("running" in answer) == (name == "query-status") for name, answer in found)


def test_qemu_refuses_in_its_own_words(qemu: tuple[QmpClient, Any]) -> None:
    client, _process = qemu
    with pytest.raises(QmpError, match="QEMU refused migrate_set_downtime: .*has not been found"):
        client.execute("migrate_set_downtime")
    assert client.execute("query-status")["status"]


def wait_ended(client: QmpClient) -> None:
    """Return when the client has seen its QEMU end."""
    deadline = time.monotonic() + 10
    while not client.has_ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_command_out_of_band_is_understood(qemu: tuple[QmpClient, Any]) -> None:
    client, _process = qemu
    with pytest.raises(QmpError, match="QEMU refused migrate-pause: (?!.*out-of-band)"):
        client.execute("migrate-pause", out_of_band=True)
    with pytest.raises(QmpError, match="does not support OOB"):
        client.execute("query-status", out_of_band=True)


def test_events_have_qemus_own_time_on_this_hosts_clock(qemu: tuple[QmpClient, Any], events: Events) -> None:
    client, _process = qemu
    before_ns = time.monotonic_ns()
    client.execute("quit")
    wait_ended(client)
    (name, at_ns, data) = events[-1]
    assert (name, data["reason"]) == ("SHUTDOWN", "host-qmp-quit")
    # QEMU's stamps are whole microseconds.
    assert before_ns - 1_000 <= at_ns <= time.monotonic_ns()


def test_a_qemu_that_is_killed_is_told_as_ended(qemu: tuple[QmpClient, Any]) -> None:
    client, process = qemu
    assert not client.has_ended
    process.kill()
    wait_ended(client)
    with pytest.raises(QmpEndedError):
        client.execute("query-status")


class Peer:
    """Plays QEMU on a socket: *answer* turns each request into the lines that are sent back."""

    def __init__(self, path: Path, answer: Callable[[dict[str, Any]], list[Any]], greeting: Any = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self._answer = answer
        self._greeting = greeting or GREETING
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        stream, _address = self._server.accept()
        with stream, stream.makefile("rwb") as lines:
            self._say(lines, self._greeting)
            for line in lines:
                request = json.loads(line)
                self.requests.append(request)
                replies = [{"return": {}}] if "qmp_capabilities" in request.values() else self._answer(request)
                for reply in replies:
                    if reply is None:
                        return
                    self._say(lines, {"id": request["id"], **reply})

    @staticmethod
    def _say(lines: Any, message: Any) -> None:
        lines.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
        lines.flush()


def connect(tmp_path: Path, answer: Callable[[dict[str, Any]], list[Any]], **more: Any) -> tuple[QmpClient, Peer]:
    peer = Peer(tmp_path / "qmp", answer, more.pop("greeting", None))
    return QmpClient(str(tmp_path / "qmp"), lambda *_event: None, **more), peer


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next_command(tmp_path: Path) -> None:
    held: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["execute"] == "query-status":
            held.append(request)
            return []
        return [{"return": "late", "id": held[0]["id"]}, {"return": "mine"}]

    client, _peer = connect(tmp_path, answer)
    with pytest.raises(AgentError, match=r"did not answer query-status within 0.1 s"):
        client.execute("query-status", timeout_seconds=0.1)
    assert client.execute("query-name") == "mine"


def test_a_qemu_that_ends_in_the_middle_of_an_answer_is_told_as_ended(tmp_path: Path) -> None:
    client, _peer = connect(tmp_path, lambda _request: [None])
    with pytest.raises(QmpEndedError, match="QEMU ended before it answered query-migrate"):
        client.execute("query-migrate")


@pytest.mark.parametrize(("offers", "verb"), [(["oob"], "exec-oob"), ([], "execute")])
def test_out_of_band_is_used_where_qemu_offers_it(tmp_path: Path, offers: list[str], verb: str) -> None:
    greeting = {"QMP": {**GREETING["QMP"], "capabilities": offers}}
    client, peer = connect(tmp_path, lambda _request: [{"return": {}}], greeting=greeting)
    client.execute("migrate-pause", out_of_band=True)
    assert [request.get("arguments") for request in peer.requests] == [{"enable": offers}, {}]
    assert peer.requests[1][verb] == "migrate-pause"


def test_a_socket_that_nobody_listens_on_is_waited_for_and_then_named(tmp_path: Path) -> None:
    with pytest.raises(QmpEndedError, match=f"QEMU does not listen on {tmp_path}/qmp"):
        QmpClient(str(tmp_path / "qmp"), lambda *_event: None, 0.1)


def test_a_peer_that_does_not_greet_is_not_qemu(tmp_path: Path) -> None:
    with pytest.raises(QmpEndedError, match="QEMU did not greet as QMP wants it"):
        connect(tmp_path, lambda _request: [], greeting=b"SSH-2.0-OpenSSH\n")
