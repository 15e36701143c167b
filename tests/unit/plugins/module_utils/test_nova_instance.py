# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Nova's servers serves another run: asked of a cloud in states that a real one is in for moments only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import WORKLOAD_MARK
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._instance import InstanceGuest


def state_of(status: str = "ACTIVE", task: str | None = None, migration: str | None = None) -> str:
    """The state in which a guest is found that Nova says this of."""
    server = {
        "id": "42",
        "name": "stsm-guest",
        "status": status,
        "OS-EXT-STS:task_state": task,
        "OS-EXT-SRV-ATTR:host": "a",
        "OS-EXT-SRV-ATTR:instance_name": "instance-1",
        "metadata": {"stsm": WORKLOAD_MARK},
    }
    cloud: Any = SimpleNamespace(
        choice=SimpleNamespace(network=None),
        servers=lambda _names: [server],
        last_migration=lambda _server_id: {"status": migration} if migration else None,
    )
    host: Any = SimpleNamespace(host=SimpleNamespace(name="a", libvirt_name=None), call=lambda *_a, **_v: RUNNING)
    guest = InstanceGuest(Guest(), 1, None, [host], {"a": {"workload_digest": "1"}}, cloud)
    state: str = guest.locate()["a"]["state"]
    return state


RUNNING = {"state": "running"}


@pytest.mark.parametrize("migration", [None, "completed", "failed", "cancelled"])
def test_guest_that_nova_knows_all_of_is_taken_as_libvirt_sees_it(migration: str | None) -> None:
    assert state_of(migration=migration) == "running"


@pytest.mark.parametrize(
    "told",
    [
        {"status": "ERROR"},
        {"task": "migrating"},
        {"migration": "error"},
        {"migration": "running"},
        {"migration": "running (post-copy)"},
    ],
)
def test_guest_that_nova_has_lost_sight_of_is_not_settled(told: dict[str, str]) -> None:
    assert state_of(**told) == "unsettled"
