# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload guest as an instance of a cloud: found, started on a host, spoken to by its serial line, ended."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import WORKLOAD_MARK
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, disk_seconds
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import Cloud, Server
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._images import image_of
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._workload_guest import (
    BOOT_LIMIT_SECONDS,
    kernel_arguments,
)

_BUILD_SECONDS, _DELETE_SECONDS, _LOOK_SECONDS = 180.0, 120.0, 1.0
# Where every release and packager has put it.
INSTANCES = "/var/lib/nova/instances"
_OURS = "stsm"
# How a migration ends of which Nova knows the end: after any other it may count the guest to the wrong host, and refuse
# to move it again.
_KNOWN_ENDS = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Instance:
    """A server of a *cloud*, by its id."""

    cloud: Cloud
    server_id: str


class InstanceGuest:
    """One workload guest, the *number*-th of its kind, as a server that bears its name."""

    def __init__(
        self,
        guest: Guest,
        number: int,
        address: str | None,
        connections: Sequence[HostConnection],
        facts: Mapping[str, Mapping[str, Any]],
        cloud: Cloud,
    ) -> None:
        self._guest = guest
        self._server_name = guest.name
        self._connections = connections
        self._cloud = cloud
        self._address = address
        self._build = str(next(iter(facts.values()))["workload_digest"])
        self._arguments = f"{kernel_arguments(number, address, guest)} stsm.serial=ttyS0"
        text = json.dumps([guest.to_dict(), self._arguments, self._build, cloud.choice.network], sort_keys=True)
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        self._server: Server = {}
        self._channel: GuestChannel | None = None

    @property
    def name(self) -> str:
        """What libvirt knows the guest by: Nova's choice."""
        return str(self._server["OS-EXT-SRV-ATTR:instance_name"])

    @property
    def channel(self) -> GuestChannel:
        """The way to the guest, once there is a server."""
        if self._channel is None:
            path = f"{INSTANCES}/{self._server['id']}/console.log"
            self._channel = GuestChannel(self.name, path, self._connections, serial=True)
        return self._channel

    def order(self, _connection: HostConnection) -> None:
        """Nothing: libvirt starts QEMU on the destination."""

    def instance(self) -> Instance:
        """The server."""
        return Instance(self._cloud, self._server["id"])

    def locate(self) -> dict[str, dict[str, Any]]:
        """The guest's state by the name of its host; empty where there is none, or on none of these hosts."""
        servers = self._cloud.servers([self._server_name])
        for server in servers:
            _refuse_foreign(server)
        if len(servers) != 1:
            return {}
        self._server, self._channel = servers[0], None
        home = self._home()
        if home is None:
            return {}
        state: dict[str, Any] = home.call("guest_state", guest=self.name)
        description = self._server["metadata"][_OURS]
        return {
            home.host.name: {
                **state,
                "state": state["state"] if self._is_settled() else "unsettled",
                _OURS: description,
            }
        }

    def is_usable(self, _connection: HostConnection, state: Mapping[str, Any]) -> bool:
        """Whether the guest that was located is the one that is asked for, and as libvirt sees it on that host, too."""
        return bool(state["state"] == "running" and state[_OURS] == self._mark)

    def follow(self) -> None:
        """Listen to the guest if there is one."""
        if self._server:
            self.channel.follow()

    def start(self, connection: HostConnection) -> None:
        """Have Nova build the guest on a host; returns once libvirt has started it."""
        image = image_of(self._cloud, self._guest, self._arguments, self._digest, self._build, connection)
        address = self._address.partition("/")[0] if self._address else None
        disk = self._guest.disk
        identifier = self._cloud.create_server(
            name=self._server_name,
            imageRef=image,
            flavorRef=self._cloud.flavor_id(self._guest.memory_mib, self._guest.vcpus, disk.whole_gib if disk else 0),
            networks=self._cloud.networks(address),
            host=nova_host(connection.host),
            metadata={_OURS: self._mark},
        )
        self._server, self._channel = self._built(identifier), None
        self.channel.follow(from_start=True)

    def wait_ready(self, connection: HostConnection) -> None:
        """Wait for the guest's first word."""
        self.channel.wait_ready(connection, BOOT_LIMIT_SECONDS + disk_seconds(self._guest))

    def end(self) -> None:
        """Have Nova remove the guest, and see that no host keeps what Nova has lost sight of."""
        end_instances(self._cloud, [self._server_name], self._connections)
        self._server, self._channel = {}, None

    @property
    def _mark(self) -> str:
        return f"{WORKLOAD_MARK} {self._digest}"

    def _home(self) -> HostConnection | None:
        host = self._server["OS-EXT-SRV-ATTR:host"]
        return next((one for one in self._connections if nova_host(one.host) == host), None)

    def _is_settled(self) -> bool:
        """Whether Nova knows how the guest fares, so that it can be moved once more."""
        if self._server["status"] != "ACTIVE" or self._server["OS-EXT-STS:task_state"] is not None:
            return False
        last = self._cloud.last_migration(self._server["id"])
        return last is None or last["status"] in _KNOWN_ENDS

    def _built(self, identifier: str) -> Server:
        deadline = time.monotonic() + _BUILD_SECONDS
        while time.monotonic() < deadline:
            server = self._cloud.server(identifier) or {"status": "DELETED"}
            if server["status"] == "ACTIVE":
                return server
            if server["status"] != "BUILD":
                words = str((server.get("fault") or {}).get("message", "no reason given")).rstrip(".")
                raise InstrumentError(
                    f"Nova could not start the guest {self._server_name}, which is {server['status']} ({words}): look"
                    " at the logs of nova-conductor and nova-compute."
                )
            time.sleep(_LOOK_SECONDS)
        raise InstrumentError(
            f"Nova had not started the guest {self._server_name} after {_BUILD_SECONDS:g} s: look at the log of"
            " nova-compute."
        )


def nova_host(host: Host) -> str:
    """What Nova calls a host."""
    return host.libvirt_name or host.name


def end_instances(cloud: Cloud, names: Sequence[str], connections: Sequence[HostConnection]) -> None:
    """Remove the servers of these names, which must be ours, and wait until they are gone."""
    servers = cloud.servers(names)
    for server in servers:
        _refuse_foreign(server)
        cloud.delete_server(server["id"])
    deadline = time.monotonic() + _DELETE_SECONDS
    while any(cloud.server(server["id"]) for server in servers):
        if time.monotonic() > deadline:
            raise InstrumentError(
                f"Nova had not removed the guest {' or '.join(names)} after {_DELETE_SECONDS:g} s: see that"
                " nova-compute runs on its host, or remove it with openstack server delete --force."
            )
        time.sleep(_LOOK_SECONDS)
    for server in servers:
        # Of a migration whose end Nova has not seen, a guest may be left where Nova does not look for it.
        for connection in connections:
            connection.call("remove_instance", guest=server["OS-EXT-SRV-ATTR:instance_name"])


def _refuse_foreign(server: Server) -> None:
    if not str(server["metadata"].get(_OURS, "")).startswith(WORKLOAD_MARK):
        raise InstrumentError(
            f"The server {server['name']} ({server['id']}) is a site's own and not the workload guest: set another"
            " guest.name."
        )
