# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load beside a migration, between two agents on this machine: it is there, it is counted, and it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._background import BackgroundLoad
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Background
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils.test_connection import HOST


@pytest.fixture
def ends() -> Iterator[tuple[HostConnection, HostConnection]]:
    """Two agents; both are called the same, and both are here."""
    with HostConnection(HOST) as source, HostConnection(HOST) as destination:
        yield source, destination


def workers(connection: HostConnection) -> list[Path]:
    """The processes of a load that an agent has started."""
    children = Path(f"/proc/{connection._process.pid}/task").glob("*/children")
    pids = [pid for child in children for pid in child.read_text().split()]
    return [Path("/proc", pid) for pid in pids if runs(Path("/proc", pid))]


def runs(process: Path) -> bool:
    """Whether a process of a load still runs; what is left of one that nobody waits for has no command line."""
    try:
        return b"_BURST_SECONDS" in (process / "cmdline").read_bytes()
    except OSError:
        return False


def test_stream_arrives_at_the_rate_that_was_asked_for(ends: tuple[HostConnection, HostConnection]) -> None:
    with BackgroundLoad(*ends, Background(link_mbit_per_second=40)) as load:
        time.sleep(1.5)
    assert load.seen is not None
    assert load.seen["link_mbit_per_second"] == pytest.approx(40, rel=0.1)
    assert load.seen["cpu_percent"] == {"source": 0.0, "destination": 0.0}


def test_processors_are_used_and_no_more_than_asked_for(ends: tuple[HostConnection, HostConnection]) -> None:
    with BackgroundLoad(*ends, Background(cpu_percent=5)) as load:
        time.sleep(1)
    assert load.seen is not None
    # A busy machine gives less than was asked for, never more.
    assert all(0 < share < 6 for share in load.seen["cpu_percent"].values())


def test_no_load_asked_for_starts_and_tells_nothing(ends: tuple[HostConnection, HostConnection]) -> None:
    with BackgroundLoad(*ends, Background()) as load:
        pass
    assert load.seen is None


def test_load_ends_with_its_agent_even_if_that_is_killed(ends: tuple[HostConnection, HostConnection]) -> None:
    source, destination = ends
    with BackgroundLoad(source, destination, Background(link_mbit_per_second=1)) as load:
        (sender,), (receiver,) = workers(source), workers(destination)
        os.kill(source._process.pid, 9)
        deadline = time.monotonic() + 10
        while runs(sender) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not runs(sender)
        assert runs(receiver)
    assert not runs(receiver)
    assert load.seen is None


def test_stream_that_cannot_begin_is_told_and_leaves_nothing(ends: tuple[HostConnection, HostConnection]) -> None:
    source, destination = ends
    with BackgroundLoad(source, destination, Background(link_mbit_per_second=1)):
        # The port is taken: the second load cannot listen there.
        with pytest.raises(InstrumentError, match="could not begin .*Address already in use"):
            destination.call("receive_load", address=HOST.migration_address, port=49214)
        assert len(workers(destination)) == 1
    assert workers(destination) == []
