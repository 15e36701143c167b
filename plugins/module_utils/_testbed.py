# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts held for one measurement, and the guest that moves between them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import (
    WORKLOAD_MARK,
    describe,
    description,
    domain_xml,
    result_path,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Guest, Scenario, SiteGuest

BOOT_LIMIT_SECONDS = 60.0


@dataclass
class Testbed:
    """Both hosts' connections and facts, in the order of the inventory."""

    connections: Sequence[HostConnection]
    facts: dict[str, dict[str, Any]]

    def locate(self, guest: str) -> dict[str, dict[str, Any]]:
        """The guest's state on each host, by host name; hosts without it are left out."""
        states = {c.host.name: c.call("guest_state", guest=guest) for c in self.connections}
        return {name: state for name, state in states.items() if state["state"] not in ("absent", "shutoff")}


@dataclass
class GuestSite:
    """Where a guest is before a run, and how it is spoken to (no channel: the guest is not ours)."""

    guest: str
    source: HostConnection
    destination: HostConnection
    channel: GuestChannel | None
    persistent: bool


@contextlib.contextmanager
def open_testbed(hosts: Sequence[Host], holder: str) -> Iterator[Testbed]:
    """Connect to both hosts and hold their locks; leaving the context ends both agents, which settle."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(HostConnection(host)) for host in hosts]
        for connection in connections:
            connection.call("lock", holder=holder)
        facts = {}
        for connection in connections:
            host = connection.host
            facts[host.name] = {
                "name": host.name,
                **connection.call("facts", interface=host.migration_interface),
                "concessions": list(host.concessions),
            }
        yield Testbed(connections, facts)


def settle_guest(testbed: Testbed, scenario: Scenario, guest_address: str | None) -> GuestSite:
    """Find the scenario's guest on one of the hosts, or start it on the first; refuse a state that is unclear."""
    name = scenario.guest.name
    found = testbed.locate(name)
    if len(found) > 1:
        raise InstrumentError(
            f"The guest {name} exists on {' and '.join(found)}: "
            f"destroy the one that is not wanted (virsh destroy {name})."
        )
    if isinstance(scenario.guest, SiteGuest):
        return _site_of_own_guest(testbed, name, found)
    definitions = {
        c.host.name: _definition(c, testbed.facts[c.host.name], scenario.guest, guest_address)
        for c in testbed.connections
    }
    for connection in testbed.connections:
        state = found.get(connection.host.name)
        if state and not state["description"].startswith(WORKLOAD_MARK):
            raise InstrumentError(
                f"The guest {name} on {connection.host.name} is a site's own and not the workload guest: "
                "set guest.domain to measure it as it is, or another guest.name."
            )
        if state and (
            state["state"] != "running" or state["description"] != description(definitions[connection.host.name])
        ):
            # Left by other settings or by a run that was killed: its memory is worth nothing to this measurement.
            connection.call("destroy_guest", guest=name)
            found = {}
    channel = GuestChannel(name, result_path(scenario.guest), testbed.connections)
    source = next((c for c in testbed.connections if c.host.name in found), testbed.connections[0])
    channel.follow()
    if not found:
        source.call("start_guest", definition=definitions[source.host.name], result_path=result_path(scenario.guest))
        try:
            channel.wait_ready(source, BOOT_LIMIT_SECONDS)
        except InstrumentError:
            source.call("destroy_guest", guest=name)
            raise
    return GuestSite(name, source, _other(testbed, source), channel, persistent=False)


def _site_of_own_guest(testbed: Testbed, name: str, found: dict[str, dict[str, Any]]) -> GuestSite:
    if not found:
        hosts = " nor ".join(c.host.name for c in testbed.connections)
        raise InstrumentError(f"The guest {name} runs neither on {hosts}: start it, or correct guest.domain.")
    source = next(c for c in testbed.connections if c.host.name in found)
    state = found[source.host.name]
    if state["state"] != "running":
        raise InstrumentError(
            f"The guest {name} on {source.host.name} is {state['state']}: resume it, or leave it alone."
        )
    return GuestSite(name, source, _other(testbed, source), None, state["persistent"])


def _other(testbed: Testbed, connection: HostConnection) -> HostConnection:
    return next(c for c in testbed.connections if c is not connection)


def _definition(connection: HostConnection, facts: Mapping[str, Any], guest: Guest, guest_address: str | None) -> str:
    arguments = ["console=ttyS0", "quiet", "stsm.working_set_mib=16", "stsm.seed=1"]
    if guest_address is not None:
        arguments.append(f"stsm.address={guest_address}")
    version = [int(part) for part in facts["qemu_version"].split(".")]
    xml = domain_xml(guest, " ".join(arguments), connection.host.tenant_bridge, version)
    # A guest of an older build of the workload is another guest: it is not measured but replaced.
    return describe(xml, facts["workload_digest"])
