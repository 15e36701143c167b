# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What is wanted, checked before anything is touched: networks and hosts as value objects that cannot be wrong."""

from __future__ import annotations

import ipaddress
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence, Union

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _folders

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

MAXIMUM_HOSTS = 16
# A host's place in the management network is part of the names of its interfaces.
_LARGEST_NUMBER = 9_999
# The kernel's limit for the name of a network interface.
_INTERFACE_NAME_LENGTH = 15
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,7}")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# The one network that every testbed has: hosts are reached and packages are fetched over it.
MANAGEMENT = "management"


@dataclass(frozen=True)
class Network:
    """A bridge on the provisioner with one interface, named like the network, in each host.

    `rate_mbit_per_second` None is unlimited. `delay_ms` is one way. `host_bridge` names a bridge in each host that the
    host's interface belongs to (then hosts have no address on this network).
    """

    name: str
    bridge: str
    subnet: Subnet
    provisioner_address: Address | None
    rate_mbit_per_second: float | None
    delay_ms: float
    mtu: int
    host_bridge: str | None


@dataclass(frozen=True)
class Host:
    """A host; `number` is that of its management address in the subnet and tells its interfaces from other hosts'.

    `networks` names those that it joins. `folders` are shared with the machine: path there → path in the host.
    """

    name: str
    number: int
    networks: tuple[str, ...]
    addresses: dict[str, Address]
    folders: dict[str, str]


@dataclass(frozen=True)
class Testbed:
    """The hosts of one backend that share a prefix and a state folder, with the networks of all.

    `image` is what each host has a layer of its own over.
    """

    prefix: str
    state_folder: Path
    image: Path
    networks: tuple[Network, ...]
    hosts: tuple[Host, ...]
    authorized_key: str
    devices: tuple[str, ...]

    @property
    def group(self) -> int:
        return owner_group(self.prefix, self.state_folder)

    def outer_interface(self, network: Network, host: Host) -> str:
        """The provisioner's end of the cable from `host` to `network`."""
        return f"{network.bridge}{host.number}"

    def networks_of(self, host: Host) -> tuple[Network, ...]:
        """The networks that a host joins."""
        return tuple(network for network in self.networks if network.name in host.networks)

    def management(self) -> Network:
        return next(network for network in self.networks if network.name == MANAGEMENT)


def owner_group(prefix: str, state_folder: Path) -> int:
    """The interface group that marks links as made for these two; it is set at the moment a link is made."""
    return zlib.crc32(f"stsm.live_migration {prefix} {state_folder}".encode()) & 0x7FFFFFFF | 0x40000000


def check_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise MachineError(
            f"the prefix {prefix!r} does not begin interface names: set one to eight lower-case letters and digits"
        )
    return prefix


def make_testbed(parameters: Mapping[str, Any]) -> Testbed:
    """The testbed that a module's parameters describe; MachineError names the first thing wrong with them."""
    prefix = check_prefix(parameters["prefix"])
    networks = tuple(_make_network(options) for options in parameters["networks"])
    _check_networks(networks)
    every = _make_hosts(networks, parameters)
    testbed = Testbed(
        prefix=prefix,
        state_folder=Path(parameters["state_folder"]),
        image=Path(parameters["image"]),
        networks=networks,
        hosts=_choose(every, parameters.get("members")),
        authorized_key=parameters["authorized_key"].strip(),
        devices=tuple(parameters["devices"]),
    )
    for host in every:
        for network in testbed.networks_of(host):
            _check_interface_name(testbed.outer_interface(network, host))
    return testbed


def _make_network(options: Mapping[str, Any]) -> Network:
    name = options["name"]
    where = f"network {name}"
    try:
        subnet = ipaddress.ip_network(options["subnet"])
        given = options["provisioner_address"]
        address = ipaddress.ip_address(given) if given else None
    except ValueError as error:
        raise MachineError(
            f"{where}: {error}: set subnet like 198.18.0.0/24 or 2001:2::/64 and addresses in it"
        ) from error
    if address is not None and address not in subnet:
        raise MachineError(f"{where}: the provisioner's address {address} is not in the subnet {subnet}")
    rate, delay_ms, mtu = options["rate_mbit_per_second"], options["delay_ms"], options["mtu"]
    if rate is not None and not 0 < rate <= 100_000:
        raise MachineError(
            f"{where}: rate_mbit_per_second is {rate:g}: set more than 0 and at most 100000, or leave it out"
        )
    if not 0 <= delay_ms <= 10_000:
        raise MachineError(f"{where}: delay_ms is {delay_ms:g}: set 0 to 10000")
    if not 1280 <= mtu <= 65_535:
        raise MachineError(f"{where}: mtu is {mtu}: set 1280 to 65535")
    _check_interface_name(name)
    _check_interface_name(options["bridge"])
    return Network(name, options["bridge"], subnet, address, rate, delay_ms, mtu, options["host_bridge"] or None)


def _check_interface_name(name: str) -> None:
    if len(name) > _INTERFACE_NAME_LENGTH or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise MachineError(
            f"{name!r} cannot name a network interface (at most {_INTERFACE_NAME_LENGTH} lower-case letters, digits, "
            "- and _): set a shorter prefix, bridge or network name"
        )


def _check_networks(networks: Sequence[Network]) -> None:
    for what, names in (("network", [n.name for n in networks]), ("bridge", [n.bridge for n in networks])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise MachineError(f"the {what} {twice[0]} is declared twice: give each its own name")
    for index, network in enumerate(networks):
        for other in networks[:index]:
            if network.subnet.overlaps(other.subnet):
                raise MachineError(
                    f"the networks {other.name} ({other.subnet}) and {network.name} ({network.subnet}) overlap: "
                    "give each its own subnet"
                )
    management = [network for network in networks if network.name == MANAGEMENT]
    if not management or management[0].provisioner_address is None:
        raise MachineError(f"hosts are reached over the network {MANAGEMENT}: declare it, with a provisioner_address")


def _make_hosts(networks: Sequence[Network], parameters: Mapping[str, Any]) -> tuple[Host, ...]:
    """All hosts of the testbed, whatever makes them: no two may have the same address."""
    addresses: Mapping[str, Mapping[str, str]] = parameters["addresses"]
    names = list(addresses.get(MANAGEMENT, {}))
    if not 1 <= len(names) <= MAXIMUM_HOSTS:
        raise MachineError(f"{len(names)} hosts are asked for: list 1 to {MAXIMUM_HOSTS} of them in the inventory")
    hosts: list[Host] = []
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise MachineError(f"{name!r} cannot name a host: use lower-case letters, digits and -")
        joined = _joined_networks(networks, name, (parameters.get("host_networks") or {}).get(name))
        own = {}
        for network in networks:
            if network.name in joined and network.host_bridge is None:
                own[network.name] = _host_address(network, name, addresses.get(network.name, {}).get(name))
        management = next(network for network in networks if network.name == MANAGEMENT)
        number = int(own[MANAGEMENT]) - int(management.subnet.network_address)
        if number > _LARGEST_NUMBER:
            raise MachineError(
                f"host {name} has the management address {own[MANAGEMENT]}, which is number {number} in its subnet and "
                f"too much for the name of an interface: set one of the first {_LARGEST_NUMBER}"
            )
        folders = _folders.check(
            name, (parameters.get("host_folders") or {}).get(name) or {}, Path(parameters["state_folder"])
        )
        hosts.append(Host(name, number, joined, own, folders))
    _check_addresses(networks, hosts)
    return tuple(hosts)


def _choose(hosts: Sequence[Host], members: Sequence[str] | None) -> tuple[Host, ...]:
    """Those of the hosts that are asked for; all where nothing is said."""
    unknown = sorted(set(members or ()) - {host.name for host in hosts})
    if unknown:
        raise MachineError(f"host {unknown[0]} has no {MANAGEMENT} address: set its ansible_host")
    return tuple(host for host in hosts if members is None or host.name in members)


def _joined_networks(networks: Sequence[Network], host: str, given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the networks that a host joins; all where nothing is said."""
    known = tuple(network.name for network in networks)
    if given is None:
        return known
    unknown = [name for name in given if name not in known]
    if unknown:
        raise MachineError(
            f"host {host} is to join the network {unknown[0]}, which is not declared: set virtual_host_networks to "
            f"some of {', '.join(known)}"
        )
    if MANAGEMENT not in given:
        raise MachineError(
            f"host {host} is reached over the network {MANAGEMENT}: add it to the host's virtual_host_networks"
        )
    return tuple(name for name in known if name in given)


def _host_address(network: Network, host: str, given: str | None) -> Address:
    try:
        address = ipaddress.ip_address(given or "")
    except ValueError as error:
        raise MachineError(
            f"host {host} has the {network.name} address {given!r}: set an address in {network.subnet}"
        ) from error
    ends = (network.subnet.network_address, network.subnet.broadcast_address)
    if address not in network.subnet or address in ends:
        raise MachineError(f"host {host} has the {network.name} address {address}: set one in {network.subnet}")
    return address


def _check_addresses(networks: Sequence[Network], hosts: Sequence[Host]) -> None:
    taken: dict[Address, str] = {
        network.provisioner_address: "the provisioner"
        for network in networks
        if network.provisioner_address is not None
    }
    for host in hosts:
        for address in host.addresses.values():
            if address in taken:
                raise MachineError(f"{taken[address]} and {host.name} both have {address}: give each its own address")
            taken[address] = host.name
