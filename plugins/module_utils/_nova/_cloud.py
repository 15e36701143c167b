# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud as the instrument uses it: the requests that it makes of Nova, Glance and Neutron, and their refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError

try:
    import openstack
    from keystoneauth1 import exceptions as keystone_errors
except ImportError:
    HAS_OPENSTACK = False
else:
    HAS_OPENSTACK = True

# Of Train (2019): a host can be chosen for a new server, and migrations tell their UUID.
MICROVERSION = "2.80"
_CONNECT_RETRIES = 3

Server = Dict[str, Any]
Migration = Dict[str, Any]


class CloudError(InstrumentError):
    """A request that the cloud refuses or does not answer."""


@dataclass(frozen=True)
class CloudChoice:
    """Which cloud: its name in a clouds.yaml, that file unless it is where openstacksdk looks, and guests' network."""

    name: str
    config_file: str | None = None
    # Empty: instances get no port.
    network: str = ""


class Cloud:
    """The cloud of a *choice*.  Every request raises CloudError where it fails."""

    def __init__(self, choice: CloudChoice, connection: Any = None) -> None:
        self.choice = choice
        self._connection = connection if connection is not None else _connect(choice)

    # -- servers ---------------------------------------------------------------------------------------------------

    def servers(self, names: Sequence[str]) -> list[Server]:
        """All servers of exactly these names."""
        # The API takes a name for a regular expression.
        pattern = "^(" + "|".join(names) + ")$"
        found = self._compute("GET", "/servers/detail", params={"name": pattern})["servers"]
        return [server for server in found if server["name"] in names]

    def server(self, server_id: str) -> Server | None:
        """The server; None if there is none any more."""
        try:
            server: Server = self._compute("GET", f"/servers/{server_id}")["server"]
            return server
        except _NotFoundError:
            return None

    def create_server(self, **wanted: Any) -> str:
        """Have a server built; returns its id."""
        identifier: str = self._compute("POST", "/servers", {"server": wanted})["server"]["id"]
        return identifier

    def delete_server(self, server_id: str) -> None:
        """Have a server removed; harmless if it is gone."""
        try:
            self._compute("DELETE", f"/servers/{server_id}")
        except _NotFoundError:
            return

    # -- migrations ------------------------------------------------------------------------------------------------

    def live_migrate(self, server_id: str, host: str) -> None:
        """Ask for a live migration to *host*, with its disks where the hosts share none."""
        order = {"os-migrateLive": {"host": host, "block_migration": "auto"}}
        self._compute("POST", f"/servers/{server_id}/action", order)

    def last_migration(self, server_id: str) -> Migration | None:
        """The server's newest migration.

        Not of the server's own list of migrations, from which one disappears as long as it is in post-copy.
        """
        params = {"instance_uuid": server_id, "limit": "1"}
        found = self._compute("GET", "/os-migrations", params=params)["migrations"]
        return found[0] if found else None

    def force_complete(self, server_id: str, migration_id: int) -> None:
        """Have a migration switch to post-copy, or suspend the guest where that is not permitted."""
        path = f"/servers/{server_id}/migrations/{migration_id}/action"
        self._compute("POST", path, {"force_complete": None})

    def abort(self, server_id: str, migration_id: int) -> None:
        """Have a migration given up."""
        self._compute("DELETE", f"/servers/{server_id}/migrations/{migration_id}")

    def last_action(self, server_id: str) -> list[dict[str, Any]]:
        """The steps of the server's newest live migration, with Nova's own times in whole seconds."""
        actions = self._compute("GET", f"/servers/{server_id}/os-instance-actions")["instanceActions"]
        ours = [action for action in actions if action["action"] == "live-migration"]
        if not ours:
            return []
        path = f"/servers/{server_id}/os-instance-actions/{ours[0]['request_id']}"
        events: list[dict[str, Any]] = self._compute("GET", path)["instanceAction"]["events"]
        return [{key: event.get(key) for key in ("event", "start_time", "finish_time", "result")} for event in events]

    def service_state(self, host: str) -> str:
        """Whether Nova hears of the compute service of a host: ``up``, ``down``, or ``unknown``."""
        params = {"host": host, "binary": "nova-compute"}
        found = self._compute("GET", "/os-services", params=params)["services"]
        return str(found[0]["state"]) if found else "unknown"

    # -- what servers are made of ----------------------------------------------------------------------------------

    def flavor_id(self, memory_mib: int, vcpus: int, disk_gib: int) -> str:
        """A flavor of this size, which is made if there is none; with 0 GiB the disk is as large as its image."""
        name = f"stsm-{memory_mib}-{vcpus}-{disk_gib}"
        flavors = self._compute("GET", "/flavors", params={"is_public": "None"})["flavors"]
        found = [flavor["id"] for flavor in flavors if flavor["name"] == name]
        if found:
            return str(found[0])
        wanted = {"name": name, "ram": memory_mib, "vcpus": vcpus, "disk": disk_gib}
        return str(self._compute("POST", "/flavors", {"flavor": wanted})["flavor"]["id"])

    def image_id(self, name: str) -> str | None:
        """The image of a name, if all of it is there; one whose upload was interrupted is removed."""
        for image in self._ask(lambda: list(self._connection.image.images(name=name))):
            if image.status == "active":
                return str(image.id)
            self._ask(lambda found=image.id: self._connection.image.delete_image(found))
        return None

    def upload(self, name: str, kind: str, container: str, content: bytes, **properties: str) -> str:
        """Make an image of *content*; returns its id."""
        image = self._ask(
            lambda: self._connection.image.create_image(
                name, disk_format=kind, container_format=container, data=content, **properties
            )
        )
        return str(image.id)

    def networks(self, address: str | None) -> Any:
        """What a new server is told of its networks, at which it is to have *address*."""
        if address is None or not self.choice.network:
            return "none"
        network = self._ask(lambda: self._connection.network.find_network(self.choice.network))
        if network is None:
            raise CloudError(
                f"The cloud {self.choice.name} has no network {self.choice.network}: set cloud.network to one on which"
                " the observer reaches guests, or leave guest_address out."
            )
        return [{"uuid": network.id, "fixed_ip": address}]

    # -- the wire --------------------------------------------------------------------------------------------------

    def _compute(
        self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        # A service may close a connection that is kept open in the moment in which it is used again.  What asks for an
        # action is not repeated; another request always comes shortly before it.
        tries = 0 if method == "POST" else _CONNECT_RETRIES
        response = self._ask(
            lambda: self._connection.compute.request(
                path,
                method,
                json=body,
                params=dict(params or {}),
                microversion=MICROVERSION,
                connect_retries=tries,
            )
        )
        if response.status_code >= 400:
            kind = _NotFoundError if response.status_code == 404 else CloudError
            raise kind(f"Nova refuses {method} {path.split('?')[0]}: {_words(response)}")
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def _ask(self, request: Any) -> Any:
        try:
            return request()
        except _errors() as error:
            words = str(error).strip().rstrip(".")
            raise CloudError(
                f"The cloud {self.choice.name} did not do what it was asked ({words}): see that its services run and"
                " that its clouds.yaml is right."
            ) from None


class _NotFoundError(CloudError):
    pass


def _words(response: Any) -> str:
    """The API's own words."""
    try:
        (fault,) = response.json().values()
        return str(fault["message"]).strip().replace("\n", " ")
    except (ValueError, AttributeError, TypeError, KeyError):
        return f"HTTP status {response.status_code}"


def _errors() -> tuple[type[BaseException], ...]:
    if not HAS_OPENSTACK:
        return (OSError,)
    return openstack.exceptions.SDKException, keystone_errors.ClientException, OSError


def _connect(choice: CloudChoice) -> Any:
    if not HAS_OPENSTACK:
        raise CloudError(
            "The Python library openstacksdk is missing on the observer, and the driver nova needs it: install it (pip"
            " install openstacksdk)."
        )
    files = [choice.config_file] if choice.config_file else None
    try:
        region = openstack.config.OpenStackConfig(config_files=files).get_one(cloud=choice.name)
        return openstack.connection.Connection(config=region)
    except _errors() as error:
        raise CloudError(f"The cloud {choice.name} is not known ({error}): set cloud.config_file.") from None
