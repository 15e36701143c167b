# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Bridges, network namespaces and the virtual cables between them.

Every link is made in an interface group of its own testbed (`_plan.owner_group`). The group is part of the very call
that makes the link, so at no moment is there a link of ours without the mark, and links without it are never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _plan
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._changes import Changes

_GONE_TIMEOUT_SECONDS = 10.0


def read_links() -> dict[str, dict[str, Any]]:
    """The machine's links by name, as `ip -json -details address` has them; none on a machine without iproute2."""
    if shutil.which("ip") is None:
        return {}
    return {link["ifname"]: link for link in json.loads(run(["ip", "-json", "-details", "address", "show"])) if link}


def is_ours(link: dict[str, Any], group: int) -> bool:
    return str(link.get("group")) == str(group)


def check_free(testbed: _plan.Testbed, links: dict[str, dict[str, Any]]) -> None:
    """Refuse links that bear our names, or addresses that overlap our networks, but are not ours."""
    wanted = {network.bridge for network in testbed.networks}
    wanted |= {
        testbed.outer_interface(network, host) for host in testbed.hosts for network in testbed.networks_of(host)
    }
    ours = {name for name, link in links.items() if is_ours(link, testbed.group)}
    for name, link in links.items():
        # libvirt makes the cable of a machine without our mark, and puts it into our bridge.
        if name in ours or link.get("master") in ours:
            continue
        if name in wanted:
            raise MachineError(
                f"the machine has an interface {name} that was not made for {testbed.state_folder}: "
                "set virtual_hosts_prefix to a free one"
            )
        for address in link.get("addr_info", []):
            used = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}").network
            for network in testbed.networks:
                if used.overlaps(network.subnet):
                    raise MachineError(
                        f"the machine's interface {name} has {address['local']}/{address['prefixlen']}, which overlaps "
                        f"the {network.name} network {network.subnet}: set another subnet in the inventory"
                    )


def bridge_is_ready(network: _plan.Network, links: dict[str, dict[str, Any]]) -> bool:
    link = links.get(network.bridge)
    if link is None or link["mtu"] != network.mtu or "UP" not in link["flags"]:
        return False
    # The kernel gives each link an address of its own, which is for that link alone.
    addresses = {info["local"] for info in link.get("addr_info", []) if info["scope"] != "link"}
    return addresses == ({str(network.provisioner_address)} if network.provisioner_address else set())


def bridge_address(name: str) -> str:
    """A locally administered MAC made of the bridge's *name*; without one it takes that of a cable, which may go."""
    return ":".join(["02", *(f"{byte:02x}" for byte in hashlib.sha256(name.encode()).digest()[:5])])


def make_bridge(testbed: _plan.Testbed, network: _plan.Network, links: dict[str, dict[str, Any]]) -> None:
    """Make the bridge, or bring one of ours to what is wanted."""
    if network.bridge not in links:
        group = str(testbed.group)
        argv = ["ip", "link", "add", "name", network.bridge, "address", bridge_address(network.bridge), "group", group]
        run([*argv, "type", "bridge", "forward_delay", "0"])
    run(["ip", "link", "set", "dev", network.bridge, "mtu", str(network.mtu), "up"])
    run(["ip", "address", "flush", "dev", network.bridge, "scope", "global"])
    if network.provisioner_address is not None:
        address = f"{network.provisioner_address}/{network.subnet.prefixlen}"
        # An IPv6 address could not be used for a second or two, while the kernel asks whether another has it.
        at_once = ["nodad"] if network.subnet.version == 6 else []
        run(["ip", "address", "add", address, "dev", network.bridge, *at_once])


def make_bridges(testbed: _plan.Testbed, changes: Changes) -> None:
    """All bridges that are not as they are wanted."""
    links = read_links()
    for network in testbed.networks:
        needed = not bridge_is_ready(network, links)
        changes.do(needed, f"make bridge {network.bridge}", partial(make_bridge, testbed, network, links))


def namespace_exists(namespace: Path) -> bool:
    return namespace.exists() and _paths.mounts_below(namespace) == [namespace.resolve()]


def make_namespace(namespace: Path) -> None:
    """A network namespace that stays when its processes end: a host keeps its cables over a restart."""
    namespace.touch()
    run(["unshare", f"--net={namespace}", "true"])


def remove_namespace(namespace: Path) -> None:
    if namespace_exists(namespace):
        run(["umount", str(namespace)])


def cable_is_ready(outer: str, network: _plan.Network, links: dict[str, dict[str, Any]]) -> bool:
    link = links.get(outer)
    ready = link is not None and link["mtu"] == network.mtu and link.get("master") == network.bridge
    return ready and link is not None and "UP" in link["flags"]


def make_cable(
    group: int, network: _plan.Network, outer: str, namespace: Path, links: dict[str, dict[str, Any]]
) -> None:
    """Lay a cable from the bridge into the namespace, where its end is named like the network."""
    mtu = str(network.mtu)
    if outer not in links:
        argv = ["ip", "link", "add", "name", outer, "group", str(group), "mtu", mtu, "type", "veth"]
        run([*argv, "peer", "name", network.name, "mtu", mtu, "netns", str(namespace)])
    run(["nsenter", f"--net={namespace}", "ip", "link", "set", "dev", network.name, "mtu", mtu])
    run(["ip", "link", "set", "dev", outer, "mtu", mtu, "master", network.bridge, "up"])


def remove_links(group: int) -> None:
    """Delete all links of the group and wait until the kernel has let go of them."""
    deadline = time.monotonic() + _GONE_TIMEOUT_SECONDS
    while True:
        ours = [name for name, link in read_links().items() if is_ours(link, group)]
        if not ours:
            return
        if time.monotonic() > deadline:
            raise MachineError(
                f"the interfaces {', '.join(ours)} are not gone {_GONE_TIMEOUT_SECONDS:.0f} s after deletion"
            )
        for name in ours:
            # One may be going already, with its other end or a namespace; what is left shows in the next round.
            with contextlib.suppress(MachineError):
                run(["ip", "link", "delete", "dev", name])
