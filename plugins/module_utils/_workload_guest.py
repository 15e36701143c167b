# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own guest on the hosts: as it should be, as it is found, started and ended."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import (
    WORKLOAD_MARK,
    describe,
    description,
    domain_xml,
    result_path,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Guest

BOOT_LIMIT_SECONDS = 60.0


class WorkloadGuest:
    """One workload guest, the *number*-th of its kind; *address* has its prefix length, *facts* are by host name."""

    def __init__(
        self,
        guest: Guest,
        number: int,
        address: str | None,
        connections: Sequence[HostConnection],
        facts: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.name = guest.name
        self.channel = GuestChannel(guest.name, result_path(guest), connections)
        self._connections = connections
        self._result_path = result_path(guest)
        self._definitions = {
            connection: _definition(connection, facts[connection.host.name], guest, number, address)
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
        wanted = description(self._definitions[connection])
        return bool(state["state"] == "running" and state["description"] == wanted)

    def start(self, connection: HostConnection) -> None:
        """Start the guest; :meth:`wait_ready` tells when it is there."""
        connection.call("start_guest", definition=self._definitions[connection], result_path=self._result_path)

    def end(self) -> None:
        """End the guest wherever it is and is ours."""
        retire(self._connections, [self.name])

    def wait_ready(self, connection: HostConnection) -> None:
        """Wait for the guest's first word; raises InstrumentError with its last ones if it does not boot."""
        self.channel.wait_ready(connection, BOOT_LIMIT_SECONDS)


def retire(connections: Sequence[HostConnection], names: Iterable[str]) -> None:
    """End the guests of these names wherever they are and are ours."""
    for name in names:
        for connection in connections:
            if is_ours(connection.call("guest_state", guest=name)):
                connection.call("destroy_guest", guest=name)


def is_ours(state: Mapping[str, Any]) -> bool:
    """Whether a guest in this state was started by the collection, which may then end it."""
    return str(state["description"]).startswith(WORKLOAD_MARK)


def _definition(
    connection: HostConnection, facts: Mapping[str, Any], guest: Guest, number: int, address: str | None
) -> str:
    arguments = ["console=ttyS0", "quiet", "stsm.working_set_mib=16", f"stsm.seed={number}"]
    if address is not None:
        arguments.append(f"stsm.address={address}")
    version = [int(part) for part in facts["qemu_version"].split(".")]
    xml = domain_xml(guest, " ".join(arguments), connection.host, version, number)
    # A guest of an older build of the workload is another guest: it is not measured but replaced.
    return describe(xml, facts["workload_digest"])
