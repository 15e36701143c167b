# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts held for one measurement, and the guest that moves between them."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from typing import Any, Iterator, Sequence, Union

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import Cloud, CloudChoice
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._instance import (
    Instance,
    InstanceGuest,
    end_instances,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._probes._guest import GuestChannel
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import MOST_GUESTS, Scenario, numbered_name
from ansible_collections.stsm.live_migration.plugins.module_utils._workload_guest import (
    WorkloadGuest,
    locate,
    locate_on_one,
    retire,
)

_OwnGuest = Union[WorkloadGuest, InstanceGuest]


@dataclass
class Testbed:
    """Both hosts' connections and facts, in the order of the inventory, and the cloud that they belong to, if any."""

    connections: Sequence[HostConnection]
    facts: dict[str, dict[str, Any]]
    cloud: Cloud | None = None

    def required_cloud(self) -> Cloud:
        """The cloud that the driver nova asks."""
        if self.cloud is None:
            raise InstrumentError(
                "driver is nova, but no cloud is given: set cloud.name and cloud.config_file (in the role campaign"
                " campaign_cloud) to one in a clouds.yaml, or set driver to libvirt."
            )
        return self.cloud

    def locate(self, guest: str) -> dict[str, dict[str, Any]]:
        """The guest's state on each host, by host name; hosts without it are left out."""
        return locate(self.connections, guest)


@dataclass
class GuestSite:
    """Where a guest is before a run, and how it is spoken to (no channel: the guest is not ours).

    *probe_address* is the guest's address on the tenant network, None where the observer has no way to it.  *order* is
    what starts the guest's QEMU on the destination, None where libvirt does.  *instance* is the guest as a cloud knows
    it, None where none does.
    """

    guest: str
    source: HostConnection
    destination: HostConnection
    channel: GuestChannel | None
    persistent: bool
    probe_address: str | None = None
    order: dict[str, Any] | None = None
    instance: Instance | None = None


@contextlib.contextmanager
def open_testbed(hosts: Sequence[Host], holder: str, cloud: CloudChoice | None = None) -> Iterator[Testbed]:
    """Connect to both hosts and hold their locks; leaving the context ends both agents, which settle.

    The *cloud* is reached from here.
    """
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(HostConnection(host)) for host in hosts]
        for connection in connections:
            connection.call("lock", holder=holder)
        facts = {connection.host.name: facts_of(connection) for connection in connections}
        yield Testbed(connections, facts, Cloud(cloud) if cloud is not None else None)


def facts_of(connection: HostConnection) -> dict[str, Any]:
    """What a host is, as a record keeps it."""
    host = connection.host
    facts = connection.call("facts", interface=host.migration_interface, emulator=host.emulator)
    return {"name": host.name, **facts, "concessions": list(host.concessions)}


def settle_guests(testbed: Testbed, scenario: Scenario, guest_address: str | None) -> list[GuestSite]:
    """Find the scenario's guests on one of the hosts, or start them there; refuse a state that is unclear.

    The first guest has *guest_address*, each other one the next.  All begin where the first one that is there runs,
    else on the first host.
    """
    numbers = range(1, scenario.guests + 1)
    guests = [scenario.guest_of(number) for number in numbers]
    addresses = [_address_of(guest_address, number) for number in numbers]
    if isinstance(scenario.guest, SiteGuest):
        found = [locate_on_one(testbed.connections, guest.name) for guest in guests]
        sites = [
            _site_of_own_guest(testbed, guest.name, states, _without_prefix(address))
            for guest, states, address in zip(guests, found, addresses)
        ]
        _refuse_spread(sites)
        return sites
    own = [
        _own_guest(testbed, guest, number, address, scenario)
        for number, guest, address in zip(numbers, guests, addresses)
        if isinstance(guest, Guest)
    ]
    _retire_other_level(testbed, scenario)
    retire_guests(testbed, scenario.guest, above=scenario.guests)
    source = _gather(testbed, own)
    destination = _other(testbed, source)
    return [
        GuestSite(
            guest.name,
            source,
            destination,
            guest.channel,
            persistent=False,
            probe_address=_without_prefix(address),
            order=guest.order(destination),
            instance=guest.instance(),
        )
        for guest, address in zip(own, addresses)
    ]


def retire_guests(testbed: Testbed, guest: Guest | SiteGuest, above: int = 0) -> None:
    """End the workload guests of this kind whose number is higher than *above*; a site's own are left alone."""
    if isinstance(guest, SiteGuest):
        return
    names = [numbered_name(guest.name, number) for number in range(above + 1, MOST_GUESTS + 1)]
    retire(testbed.connections, names)
    _retire_instances(testbed, names)


def _own_guest(testbed: Testbed, guest: Guest, number: int, address: str | None, scenario: Scenario) -> _OwnGuest:
    """The workload guest as the scenario's driver starts it."""
    if scenario.driver == "nova":
        return InstanceGuest(guest, number, address, testbed.connections, testbed.facts, testbed.required_cloud())
    return WorkloadGuest(guest, number, address, testbed.connections, testbed.facts, scenario)


def _retire_other_level(testbed: Testbed, scenario: Scenario) -> None:
    """End guests of these names that another level has started: they would answer at the same addresses."""
    names = [numbered_name(scenario.guest.name, number) for number in range(1, scenario.guests + 1)]
    if scenario.driver == "nova":
        retire(testbed.connections, names)
    else:
        _retire_instances(testbed, names)


def _retire_instances(testbed: Testbed, names: Sequence[str]) -> None:
    if testbed.cloud is not None:
        end_instances(testbed.cloud, names, testbed.connections)


def _gather(testbed: Testbed, guests: Sequence[_OwnGuest]) -> HostConnection:
    """Have all guests run on one host, which is returned; those elsewhere, or not as asked for, are started anew."""
    hosts = {connection.host.name: connection for connection in testbed.connections}
    homes = [
        next((hosts[name] for name, state in guest.locate().items() if guest.is_usable(hosts[name], state)), None)
        for guest in guests
    ]
    source = next((home for home in homes if home is not None), testbed.connections[0])
    missing = [guest for guest, home in zip(guests, homes) if home is not source]
    for guest in missing:
        guest.end()
    for guest in guests:
        guest.follow()
    try:
        for guest in missing:
            guest.start(source)
        for guest in missing:
            guest.wait_ready(source)
    except InstrumentError:
        for guest in missing:
            guest.end()
        raise
    return source


def _refuse_spread(sites: Sequence[GuestSite]) -> None:
    """Refuse guests of a site that are to move at once and are not on one host."""
    for site in sites:
        if site.source is not sites[0].source:
            raise InstrumentError(
                f"The guest {sites[0].guest} runs on {sites[0].source.host.name} and {site.guest} on "
                f"{site.source.host.name}, but guests that move at once begin on one host: move one of them."
            )


def _address_of(guest_address: str | None, number: int) -> str | None:
    """The address of the guest of a number, with its prefix length: the first has the given one, others the next."""
    if guest_address is None or number == 1:
        return guest_address
    try:
        first = ipaddress.ip_interface(guest_address)
        address = first.ip + (number - 1)
    except ValueError:
        raise InstrumentError(
            f"guest_address is {guest_address}, from which no address of {number} guests can be counted: give an "
            "address with its prefix length."
        ) from None
    if address not in first.network or address == first.network.broadcast_address:
        raise InstrumentError(
            f"guest_address is {guest_address}, and its network has no {number} addresses from there on: give a lower "
            "one."
        )
    return f"{address}/{first.network.prefixlen}"


def _without_prefix(address: str | None) -> str | None:
    return address.partition("/")[0] if address is not None else None


def _site_of_own_guest(
    testbed: Testbed, name: str, found: dict[str, dict[str, Any]], probe_address: str | None
) -> GuestSite:
    if not found:
        hosts = " nor ".join(c.host.name for c in testbed.connections)
        raise InstrumentError(f"The guest {name} runs neither on {hosts}: start it, or correct guest.domain.")
    source = next(c for c in testbed.connections if c.host.name in found)
    state = found[source.host.name]
    if state["state"] != "running":
        raise InstrumentError(
            f"The guest {name} on {source.host.name} is {state['state']}: resume it, or leave it alone."
        )
    return GuestSite(name, source, _other(testbed, source), None, state["persistent"], probe_address)


def _other(testbed: Testbed, connection: HostConnection) -> HostConnection:
    return next(c for c in testbed.connections if c is not connection)
