# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the way from one host to the other: name, connection, certificate, ports, frames, link."""

from __future__ import annotations

import time
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._reach import MIGRATION_PORTS
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import (
    Asked,
    Findings,
    Seen,
    both,
    finding,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import destination_uri
from ansible_collections.stsm.live_migration.plugins.module_utils._payload import (
    SHAPED_BYTES,
    WIRE_BYTES,
    header_bytes,
    payload_share,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

SECONDS_APART = 1.0
_RENEW_BEFORE_DAYS = 30
# What of a measured payload may be missing or too much: a busy host, a shaper's burst.
_LEAST_SHARE, _MOST_SHARE = 0.90, 1.02
# Where none is declared.
_MTU = 1500
_RANGE = f"{MIGRATION_PORTS[0]}-{MIGRATION_PORTS[1]}"


def name(seen: Seen, peer: Seen, _asked: Asked) -> Findings:
    """Does the host take the peer's name for an address of the peer?"""
    called, addresses = peer.host.libvirt_name or peer.name, seen.answers["peer_addresses"]
    foreign = [address for address in addresses if address not in seen.answers["addresses_of_peer"]]
    cure = f"correct /etc/hosts on {seen.name} (playbook deploy), or libvirt_name of {peer.name}."
    if not addresses:
        words = f"{seen.name} cannot resolve {called}, the name of {peer.name}: {cure}"
    elif foreign:
        words = f"{seen.name} takes {called} for {', '.join(foreign)}, which is no address of {peer.name}: {cure}"
    else:
        words = f"{seen.name} takes {called} for {', '.join(addresses)}, which is {peer.name}."
        return [finding("name", seen.name, True, words)]
    return [finding("name", seen.name, False, words)]


def control_connection(seen: Seen, peer: Seen, _asked: Asked) -> Findings:
    """Does the host's libvirt reach the peer's?"""
    words = f"{seen.name} reaches {destination_uri(peer.host)}"
    if peer.host.libvirt_transport != "tls":
        words += ", which is neither encrypted nor authenticated, as the inventory has chosen (libvirt_listen)"
    return [finding("control connection", seen.name, True, f"{words}.")]


def certificate(seen: Seen, peer: Seen, _asked: Asked) -> Findings:
    """How long is the peer's certificate good for?"""
    ends = seen.answers["certificate_ends"]
    if ends is None:
        return []  # libvirt there cannot be reached, which is a finding of its own
    days = (ends - time.time()) / 86400
    words = f"The certificate that {peer.name} shows to {seen.name}"
    cure = "deploy to both hosts, which renews it."
    if days <= 0:
        return [finding("certificate", peer.name, False, f"{words} expired {-days:.1f} days ago: {cure}")]
    if days < _RENEW_BEFORE_DAYS:
        return [finding("certificate", peer.name, True, f"{words} expires in {days:.1f} days, which is soon: {cure}")]
    return [finding("certificate", peer.name, True, f"{words} is good for {days:.0f} days.")]


def ports(seen: Seen, peer: Seen, _asked: Asked) -> Findings:
    """Are the peer's migration ports open to the host?"""
    refusals = seen.answers["knock"]["refusals"]
    if not refusals:
        return [finding("ports", peer.name, True, f"{seen.name} reaches the migration ports {_RANGE} of {peer.name}.")]
    closed = " and ".join(f"{port} ({why})" for port, why in refusals.items())
    words = (
        f"{seen.name} cannot reach port {closed} of {peer.name} at {peer.host.migration_address}, where QEMU listens"
        f" for migrations: open {_RANGE} there to {seen.host.migration_address} (playbook deploy), check the network."
    )
    return [finding("ports", peer.name, False, words)]


def interface_mtu(seen: Seen, asked: Asked) -> Findings:
    """Has the migration interface the declared MTU?"""
    nic = seen.facts["nic"]
    if not nic["mtu"]:
        words = f"{seen.name} has no interface {nic['name']}: correct migration_interface."
        return [finding("mtu", seen.name, False, words)]
    if asked.link_mtu in (None, nic["mtu"]):
        return []  # the frames that arrive say so
    words = (
        f"{nic['name']} on {seen.name} has an MTU of {nic['mtu']}, but {asked.link_mtu} is declared: "
        "set the interface's MTU, or campaign_link_mtu."
    )
    return [finding("mtu", seen.name, False, words)]


def frames(seen: Seen, peer: Seen, asked: Asked) -> Findings:
    """Do full frames get through, uncut?"""
    frame = seen.answers["knock"]["frame"]
    if frame is None:
        return []  # no port is open, which is a finding of its own
    wanted = asked.link_mtu or seen.facts["nic"]["mtu"]
    agreed = frame["segment_bytes"] + header_bytes(seen.host.migration_address)
    way = f"from {seen.name} to {peer.name}"
    cure = "set that MTU on every interface and switch there, or declare the network's true one (campaign_link_mtu)"
    if frame["path_mtu"] < wanted or agreed < wanted:
        carries = min(frame["path_mtu"], agreed)
        words = f"The way {way} carries packets of {carries} bytes, but an MTU of {wanted} is declared: {cure}."
        return [finding("mtu", peer.name, False, words)]
    if not frame["arrived"]:
        words = f"Packets of {agreed} bytes, as the MTU of {wanted} has them, do not arrive on the way {way}: {cure}."
        return [finding("mtu", peer.name, False, words)]
    return [finding("mtu", peer.name, True, f"Full frames of MTU {wanted} get through {way}.")]


def time_of_day(one: Seen, other: Seen, _asked: Asked) -> Findings:
    """Do both hosts agree on the time of day?"""
    apart = abs(one.answers["wall_offset_seconds"] - other.answers["wall_offset_seconds"])
    words = f"{both(one, other)} are {apart:.2f} s apart in the time of day; at most {SECONDS_APART:g} s are allowed"
    if apart > SECONDS_APART:
        cure = "since certificates and logs go by it: set the clocks, for example by NTP."
        return [finding("time of day", both(one, other), False, f"{words}, {cure}")]
    return [finding("time of day", both(one, other), True, f"{words}.")]


def encryption(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Is the guest's memory encrypted on its way?"""
    protective = {"VIR_MIGRATE_TLS", "VIR_MIGRATE_TUNNELLED"}
    plain = [name for name in asked.strategies if not protective & set(STRATEGIES[name].libvirt_flags)]
    if not plain:
        return []
    words = f"Guests' memory crosses the migration network as plain TCP with {', '.join(plain)}: let nobody else on it."
    return [finding("encryption", both(one, other), True, words)]


def expected_payload(asked: Asked, address: str) -> tuple[float, float]:
    """What one TCP stream gets of the declared link, in Mbit/s: on a wire, and behind a shaper."""
    rate, mtu, header = asked.link_rate_mbit_per_second or 0.0, asked.link_mtu or _MTU, header_bytes(address)
    return rate * payload_share(mtu, header, WIRE_BYTES), rate * payload_share(mtu, header, SHAPED_BYTES)


def is_as_declared(measured_mbit_per_second: float, asked: Asked, address: str) -> bool:
    """Whether a measured payload fits the declared link."""
    low, high = expected_payload(asked, address)
    return low * _LEAST_SHARE <= measured_mbit_per_second <= high * _MOST_SHARE


def is_less_than_the_link(measured_mbit_per_second: float, asked: Asked, address: str) -> bool:
    """Whether a measured payload is less than the declared link gives; later runs may then be faster than it."""
    return measured_mbit_per_second < expected_payload(asked, address)[0]


def link(directions: Mapping[str, Any], one: Seen, other: Seen, asked: Asked) -> Findings:
    """Does the link carry what is declared, each way?"""
    if asked.link_rate_mbit_per_second is None:
        return []
    address = one.host.migration_address
    low, high = expected_payload(asked, address)
    findings = []
    for way, measured in directions.items():
        declared = f"{asked.link_rate_mbit_per_second:g} Mbit/s and MTU {asked.link_mtu or _MTU}"
        words = (
            f"One TCP stream from {way} carried {measured:g} Mbit/s of payload;"
            f" a link declared with {declared} carries {low:.0f} to {high:.0f}"
        )
        good = is_as_declared(measured, asked, address)
        cure = ": keep other traffic off the link and the hosts quiet, or declare its true rate"
        tail = "." if good else f"{cure} (campaign_link_rate_mbit_per_second)."
        findings.append(finding("link", both(one, other), good, words + tail))
    return findings
