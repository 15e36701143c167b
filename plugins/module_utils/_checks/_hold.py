# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect to all hosts that can be had, and say of each other one why it cannot."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._look import at_once
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import facts_of


@dataclass
class Held:
    """A host with its connection and facts; without facts it is not held, and *refusal* says why."""

    host: Host
    connection: HostConnection | None = None
    facts: dict[str, Any] | None = None
    refusal: str = ""


def hold(hosts: Sequence[Host], holder: str, stack: contextlib.ExitStack) -> list[Held]:
    """Hold each host's lock, as far as that can be done, until *stack* is unwound."""
    # Begun one after the other: packing the agent is not for two threads at once.
    held = [_begin(host) for host in hosts]
    for one in held:
        if one.connection is not None:
            stack.callback(one.connection.close)
    at_once(lambda one: _greet(one, holder), held)
    return held


def _begin(host: Host) -> Held:
    try:
        return Held(host, HostConnection(host))
    except InstrumentError as error:
        return Held(host, refusal=_unreachable(host, error))


def _greet(held: Held, holder: str) -> None:
    if held.connection is None:
        return
    try:
        held.connection.measure_clock()
    except InstrumentError as error:
        held.refusal = _unreachable(held.host, error)
        return
    try:
        held.connection.call("lock", holder=holder)
        held.facts = facts_of(held.connection)
    except InstrumentError as error:
        held.refusal = str(error)


def _unreachable(host: Host, error: InstrumentError) -> str:
    why = str(error).rpartition(f"{host.name}: ")[2].rstrip(".")
    return f"{why}: start the host, or correct its ansible_host, user, port and key."
