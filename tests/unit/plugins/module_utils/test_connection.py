# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection and the real agent, run by a local Python where otherwise SSH would run it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError


@dataclass(frozen=True)
class LocalHost(Host):
    """A host that needs no SSH: the same remote command, run here."""

    def ssh_command(self) -> list[str]:
        remote = shlex.split(super().ssh_command()[-1])
        return [sys.executable, *remote[1:]]


HOST = LocalHost("here", "127.0.0.1", "127.0.0.1")


def test_clock_offset_of_one_machine_is_within_its_bound() -> None:
    with HostConnection(HOST) as connection:
        assert abs(connection.clock.offset_ns) <= connection.clock.bound_ns


def test_call_that_the_agent_does_not_know_names_the_cause() -> None:
    with HostConnection(HOST) as connection, pytest.raises(InstrumentError, match="has no call dance"):
        connection.call("dance")


def test_private_names_are_not_calls() -> None:
    with HostConnection(HOST) as connection, pytest.raises(InstrumentError, match="has no call _write"):
        connection.call("_write")


def test_result_file_is_followed_from_its_end_and_through_a_rotation(tmp_path: Path) -> None:
    results = tmp_path / "guest.results"
    results.write_text('{"sequence":0}\n')
    with HostConnection(HOST) as connection:
        connection.call("follow_guest", guest="guest", result_path=str(results))
        with results.open("a") as file:
            file.write('{"sequence":1}\n{"sequ')
            file.flush()
            assert connection.wait_for("guest", 5, line={"sequence": 1})
            file.write('ence":2}\n')
        assert connection.wait_for("guest", 5, line={"sequence": 2})
        results.rename(tmp_path / "guest.results.0")
        results.write_text('{"sequence":3}\n')
        assert connection.wait_for("guest", 5, line={"sequence": 3})
        assert [notice["line"]["sequence"] for notice in connection.notices("guest")] == [1, 2, 3]


def test_guests_that_are_followed_at_once_are_told_apart(tmp_path: Path) -> None:
    with HostConnection(HOST) as connection:
        for guest in ("one", "two"):
            (tmp_path / guest).touch()
            connection.call("follow_guest", guest=guest, result_path=str(tmp_path / guest))
        for guest in ("one", "two"):
            (tmp_path / guest).write_text(f'{{"of":"{guest}"}}\n')
            assert connection.wait_for("guest", 5, guest=guest)
        assert [notice["line"] for notice in connection.notices("guest", guest="two")] == [{"of": "two"}]
        connection.forget("guest", guest="two")
        assert [notice["line"] for notice in connection.notices("guest")] == [{"of": "one"}]


def test_link_that_is_not_there_is_not_limited() -> None:
    with HostConnection(HOST) as connection:
        with pytest.raises(InstrumentError, match="of nowhere0 could not be limited|has no tc"):
            connection.call("shape_link", interface="nowhere0", rate_mbit_per_second=10)
        connection.call("unshape_link", interface="nowhere0")


def test_link_is_measured_between_two_agents() -> None:
    with HostConnection(HOST) as receiver, HostConnection(HOST) as sender:
        receiver.call("listen_link", address="127.0.0.1", port=49215)
        receiving = receiver.begin("receive_link", patience_seconds=10)
        sender.call("send_link", address="127.0.0.1", port=49215, source_address="127.0.0.1", duration_seconds=1.3)
        assert receiver.finish(receiving, "receive_link") > 100


def test_link_without_a_sender_says_what_to_check() -> None:
    with HostConnection(HOST) as receiver:
        receiver.call("listen_link", address="127.0.0.1", port=49214)
        with pytest.raises(InstrumentError, match="packet filters"):
            receiver.call("receive_link", patience_seconds=0.2)


def test_dead_connection_gives_its_last_words(tmp_path: Path) -> None:
    connection = HostConnection(HOST)
    connection._process.kill()
    with pytest.raises(InstrumentError, match="The connection to here .* ended"):
        connection.call("clock")
    connection.close()


def test_unreachable_host_is_named() -> None:
    host = Host("nowhere", "127.0.0.1", "127.0.0.1", port=1)
    with pytest.raises(InstrumentError, match="nowhere .*refused"), HostConnection(host):
        pass


def test_leaving_the_context_ends_the_agent() -> None:
    with HostConnection(HOST) as connection:
        process: subprocess.Popen[bytes] = connection._process
    assert process.returncode == 0
