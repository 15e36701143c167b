# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Make the network of the site that instances get their ports on: flat, shared, without DHCP and without port security.

Reads one JSON object on standard input: cloud (of clouds.yaml), name, physical_network, subnet, mtu.
Prints {"changed": [what was made]}; ends with one sentence where something else has the name.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import time
from typing import Any

import openstack

PATIENCE_SECONDS = 120


def find(connection: openstack.connection.Connection, name: str) -> Any:
    """The network of this name, once the service answers; None if there is none."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return connection.network.find_network(name)
        except openstack.exceptions.SDKException as error:
            if time.monotonic() > end:
                sys.exit(f"The network service does not answer after {PATIENCE_SECONDS} s ({error}): look at its log.")
            time.sleep(1)


def main() -> None:
    """Find or create."""
    request = json.load(sys.stdin)
    connection = openstack.connect(cloud=request["cloud"])
    made: list[str] = []
    network = find(connection, request["name"])
    if network is None:
        network = connection.network.create_network(
            name=request["name"],
            provider_network_type="flat",
            provider_physical_network=request["physical_network"],
            is_shared=True,
            is_port_security_enabled=False,
            mtu=request["mtu"],
        )
        made.append(f"network {request['name']}")
    wanted = ipaddress.ip_network(request["subnet"])
    subnets = list(connection.network.subnets(network_id=network.id))
    if not subnets:
        connection.network.create_subnet(
            name=request["name"],
            network_id=network.id,
            cidr=str(wanted),
            ip_version=wanted.version,
            is_dhcp_enabled=False,
            gateway_ip=None,
        )
        made.append(f"subnet {wanted}")
    elif ipaddress.ip_network(subnets[0].cidr) != wanted:
        sys.exit(
            f"The network {request['name']} has the subnet {subnets[0].cidr} and is to have {wanted}: remove it from "
            "the cloud, or set openstack_control_subnet to what it has."
        )
    print(json.dumps({"changed": made}))


if __name__ == "__main__":
    main()
