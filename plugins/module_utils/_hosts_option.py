# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``hosts`` that modules share: its argument spec, and the hosts it describes."""

from __future__ import annotations

import getpass
import os
import socket
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError


def hosts_argument_spec() -> dict[str, Any]:
    """The argument spec that belongs to the documentation fragment ``_hosts``."""
    return {
        "hosts": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "address": {"type": "str", "required": True},
                "concessions": {"type": "list", "elements": "str", "default": []},
                "emulator": {"type": "path", "default": ""},
                "libvirt_name": {"type": "str"},
                "libvirt_port": {"type": "int", "default": 0},
                "libvirt_transport": {"type": "str", "choices": ["tls", "tcp"], "default": "tls"},
                "migration_address": {"type": "str", "required": True},
                "migration_interface": {"type": "str", "default": "migration"},
                "name": {"type": "str", "required": True},
                "port": {"type": "int", "default": 22},
                "python": {"type": "path", "default": "/usr/bin/python3"},
                "shared_folder": {"type": "path", "default": "/var/lib/stsm-live-migration/shared"},
                "ssh_arguments": {"type": "list", "elements": "str", "default": []},
                "tenant_bridge": {"type": "str", "default": "tenant0"},
                "user": {"type": "str", "default": "root"},
            },
        }
    }


def read_hosts(option: Sequence[Mapping[str, Any]]) -> list[Host]:
    """The two hosts of the option; raises InstrumentError unless they are two different ones."""
    hosts = [Host(**{**given, "libvirt_name": given["libvirt_name"] or given["name"]}) for given in option]
    if len(hosts) != 2:
        raise InstrumentError(
            f"{len(hosts)} host{'' if len(hosts) == 1 else 's'} given in hosts, but a migration needs two: "
            "name the two compute hosts between which the guest shall move."
        )
    one, other = hosts
    for key in ("name", "migration_address"):
        if getattr(one, key) == getattr(other, key):
            raise InstrumentError(
                f"Both hosts have the {key} {getattr(one, key)}, but a migration needs two different hosts: "
                "correct hosts."
            )
    if (one.address, one.port) == (other.address, other.port):
        raise InstrumentError(
            f"{one.name} and {other.name} both have the address {one.address}, which is one host: correct hosts."
        )
    return hosts


def holder(purpose: str) -> str:
    """Who holds a host's lock, for the next one to read."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()}, {purpose})"
