# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own guest on the hosts: as it should be, as it is found, started and ended."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._command_line import launch_order
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import (
    WORKLOAD_MARK,
    describe,
    description,
    disk_path,
    domain_xml,
    result_path,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, disk_seconds
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

BOOT_LIMIT_SECONDS = 60.0
_START_SECONDS = 60.0

# How a host's agent is asked for a guest: the arguments of its call, and the description that the guest then has.
_Start = Dict[str, Any]


class WorkloadGuest:
    """One workload guest, the *number*-th of its kind, as a *scenario* wants it.

    *address* has its prefix length, *facts* are by host name.
    """

    def __init__(
        self,
        guest: Guest,
        number: int,
        address: str | None,
        connections: Sequence[HostConnection],
        facts: Mapping[str, Mapping[str, Any]],
        scenario: Scenario,
    ) -> None:
        self.name = guest.name
        self._guest = guest
        self.channel = GuestChannel(guest.name, result_path(guest), connections)
        self._connections = connections
        hosts = [connection.host for connection in connections]
        self._disk_path = disk_path(guest.name, guest.disk.storage, hosts) if guest.disk is not None else None
        arguments = kernel_arguments(number, address, guest)
        needs = scenario.strategy.row.needs
        self._starts = {
            connection: _by_hand(connection.host, facts[connection.host.name], guest, number, arguments, needs)
            if scenario.driver == "qmp"
            else _by_libvirt(connection.host, facts[connection.host.name], guest, number, arguments, self._disk_path)
            for connection in connections
        }

    def is_usable(self, connection: HostConnection, state: Mapping[str, Any]) -> bool:
        """Whether the guest found on a host is the one that is asked for; refuses one that is not ours.

        One left by other settings, or by a run that was killed, is not: its memory is worth nothing.
        """
        if not is_ours(state):
            raise InstrumentError(
                f"The guest {self.name} on {connection.host.name} is a site's own and not the workload guest: "
                "set guest.domain to measure it as it is, or another guest.name."
            )
        wanted = self._starts[connection]["description"]
        return bool(state["state"] == "running" and state["description"] == wanted)

    def locate(self) -> dict[str, dict[str, Any]]:
        """The guest's state by the name of its host; empty if it is on none, an error if on more than one."""
        return locate_on_one(self._connections, self.name)

    def follow(self) -> None:
        """Listen to the guest."""
        self.channel.follow()

    def instance(self) -> None:
        """Nothing: no cloud knows of it."""

    def order(self, connection: HostConnection) -> dict[str, Any] | None:
        """What a host is told to start a guest without libvirt; None where libvirt does."""
        order: dict[str, Any] | None = self._starts[connection]["arguments"].get("order")
        return order

    def start(self, connection: HostConnection) -> None:
        """Start the guest, with a new disk if it has one; :meth:`wait_ready` tells when it is there."""
        start = self._starts[connection]
        disk = self._guest.disk
        if disk is not None:
            path = self._disk_path
            for host in self._connections:
                host.call("discard_disk", path=path)
            sizes = {"virtual_bytes": disk.virtual_bytes, "allocated_bytes": disk.written_mib << 20}
            connection.call("make_own_disk", path=path, **sizes)
        connection.call(start["call"], _START_SECONDS, **start["arguments"])

    def end(self) -> None:
        """End the guest wherever it is and is ours."""
        retire(self._connections, [self.name])

    def wait_ready(self, connection: HostConnection) -> None:
        """Wait for the guest's first word; raises InstrumentError with its last ones if it does not boot."""
        self.channel.wait_ready(connection, BOOT_LIMIT_SECONDS + disk_seconds(self._guest))


def locate(connections: Sequence[HostConnection], name: str) -> dict[str, dict[str, Any]]:
    """A guest's state by the name of each host that it is on."""
    states = {connection.host.name: connection.call("guest_state", guest=name) for connection in connections}
    return {host: state for host, state in states.items() if state["state"] not in ("absent", "shutoff")}


def locate_on_one(connections: Sequence[HostConnection], name: str) -> dict[str, dict[str, Any]]:
    """A guest's state by the name of its host; empty if it is on none of them."""
    found = locate(connections, name)
    if len(found) > 1:
        raise InstrumentError(
            f"The guest {name} exists on {' and '.join(found)}: "
            f"destroy the one that is not wanted (virsh destroy {name})."
        )
    return found


def retire(connections: Sequence[HostConnection], names: Iterable[str]) -> None:
    """End the guests of these names wherever they are and are ours."""
    asked, images = list(names), set()
    for connection in connections:
        for name, state in connection.call("guest_states", guests=asked).items():
            if is_ours(state):
                images.update(connection.call("destroy_guest", guest=name))
    # A move has left an image on the other host as well.
    for image in images:
        for connection in connections:
            connection.call("discard_disk", path=image)


def is_ours(state: Mapping[str, Any]) -> bool:
    """Whether a guest in this state was started by the collection, which may then end it."""
    return str(state["description"]).startswith(WORKLOAD_MARK)


def kernel_arguments(number: int, address: str | None, guest: Guest) -> str:
    """The guest's command line; *address* has its prefix length."""
    arguments = ["console=ttyS0", "quiet", "stsm.working_set_mib=16", f"stsm.seed={number}"]
    if address is not None:
        arguments.append(f"stsm.address={address}")
    if guest.disk is not None and guest.disk.written_mib:
        arguments.append(f"stsm.written_disk_mib={guest.disk.written_mib}")
    return " ".join(arguments)


def _by_libvirt(
    host: Host, facts: Mapping[str, Any], guest: Guest, number: int, arguments: str, disk: str | None
) -> _Start:
    version = [int(part) for part in facts["qemu_version"].split(".")]
    # A guest of an older build of the workload is another guest: it is replaced.
    xml = describe(domain_xml(guest, arguments, host, version, number, disk), facts["workload_digest"])
    return {
        "call": "start_guest",
        "arguments": {"definition": xml, "result_path": result_path(guest)},
        "description": description(xml),
    }


def _by_hand(
    host: Host, facts: Mapping[str, Any], guest: Guest, number: int, arguments: str, needs: Sequence[str]
) -> _Start:
    order = launch_order(guest, arguments, host, facts, number, needs)
    return {
        "call": "launch_guest",
        "arguments": {"guest": guest.name, "order": order},
        "description": order["description"],
    }
