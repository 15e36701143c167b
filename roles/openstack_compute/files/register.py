# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Make a compute host a member of its cloud, on the control host.

Usage: register.py CLOUD NAME. Waits until the host's nova-compute is up, and maps it to the cell if no cell has it yet.
Prints {"mapped": whether it was}; ends with one sentence if the host does not come up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import openstack

PATIENCE_SECONDS = 180


def is_up(connection: openstack.connection.Connection, name: str) -> bool:
    """Whether the service of this host reports."""
    return any(one.state == "up" for one in connection.compute.services(binary="nova-compute", host=name))


def is_mapped(connection: openstack.connection.Connection, name: str) -> bool:
    """Only a mapped host is asked for its hypervisor."""
    return any(one.name == name for one in connection.compute.hypervisors())


def discover() -> bool:
    """Map all hosts that no cell has yet; whether there were any."""
    command = ["runuser", "--user", "nova", "--", "nova-manage", "cell_v2", "discover_hosts", "--verbose"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"nova-manage cell_v2 discover_hosts failed: {done.stdout.strip().splitlines()[-1]}")
    return "Creating host mapping" in done.stdout


def main(cloud: str, name: str) -> None:
    """Wait, and map."""
    connection = openstack.connect(cloud=cloud)
    end = time.monotonic() + PATIENCE_SECONDS
    mapped = False
    while not (is_up(connection, name) and is_mapped(connection, name)):
        if time.monotonic() > end:
            sys.exit(f"nova-compute of {name} is not up after {PATIENCE_SECONDS} s.")
        if is_up(connection, name):
            mapped = discover() or mapped
        time.sleep(2)
    print(json.dumps({"mapped": mapped}))


if __name__ == "__main__":
    main(*sys.argv[1:])
