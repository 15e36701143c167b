# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The files that make a virtual host itself: name, keys, addresses, device nodes."""

from __future__ import annotations

import uuid

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _devices,
    _plan,
    _relay_address,
)

NETWORK_FOLDER = "etc/systemd/network"


def identity_files(testbed: _plan.Testbed, host: _plan.Host) -> dict[str, tuple[str, int]]:
    """Files of this host alone: path in the host → content and mode."""
    machine_id = uuid.uuid5(uuid.NAMESPACE_URL, f"stsm.live_migration/{testbed.prefix}/{host.name}").hex
    # Peers' names are left to the deployment, as at any site.
    names = f"127.0.0.1 localhost\n::1 localhost\n{testbed.management().provisioner_address} {_relay_address.NAME}\n"
    names += f"{host.addresses[_plan.MANAGEMENT]} {host.name}\n"
    files = {
        "etc/hosts": (names, 0o644),
        "etc/hostname": (host.name + "\n", 0o644),
        "etc/machine-id": (machine_id + "\n", 0o444),
        "root/.ssh/authorized_keys": (testbed.authorized_key + "\n", 0o600),
    }
    for network in testbed.networks_of(host):
        files.update({name: (text, 0o644) for name, text in _network_files(network, host).items()})
    # Nodes of the host's own: one bound from the machine is the machine's, and what a host does to its mode and owner
    # (systemd opens /dev/net/tun to everyone) would be done to the machine.
    nodes = "".join(f"c {device} 0660 root root - {_devices.number(device)}\n" for device in testbed.devices)
    if nodes:
        files["etc/tmpfiles.d/virtual-host-devices.conf"] = (nodes, 0o644)
    return files


def _network_files(network: _plan.Network, host: _plan.Host) -> dict[str, str]:
    """systemd-networkd's files for one interface."""
    match = f"[Match]\nName={network.name}\n\n[Link]\nMTUBytes={network.mtu}\nRequiredForOnline=no\n\n[Network]\n"
    quiet = "LinkLocalAddressing=no\nIPv6AcceptRA=no\nLLMNR=no\nMulticastDNS=no\n"
    bridge = network.host_bridge
    if bridge is None:
        address = f"Address={host.addresses[network.name]}/{network.subnet.prefixlen}\n"
        return {f"{NETWORK_FOLDER}/50-{network.name}.network": match + address + quiet}
    return {
        f"{NETWORK_FOLDER}/50-{bridge}.netdev": f"[NetDev]\nName={bridge}\nKind=bridge\nMTUBytes={network.mtu}\n\n"
        "[Bridge]\nSTP=no\nForwardDelaySec=0\n",
        f"{NETWORK_FOLDER}/50-{bridge}.network": f"[Match]\nName={bridge}\n\n[Link]\nRequiredForOnline=no\n\n"
        f"[Network]\nConfigureWithoutCarrier=yes\n{quiet}",
        f"{NETWORK_FOLDER}/50-{network.name}.network": f"{match}Bridge={bridge}\n{quiet}",
    }
