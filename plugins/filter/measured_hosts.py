# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory to the option ``hosts`` of the modules."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

_RENAMED = {
    "ansible_port": "port",
    "ansible_user": "user",
    "qemu_binary": "emulator",
    "shared_storage_directory": "shared_folder",
}
_FILE_OPTIONS = ("UserKnownHostsFile", "IdentityFile", "ControlPath")
# Of a libvirt beside the distribution's: a Python that reaches it, and the ports that the role libvirt gives it.
_BESIDE_PYTHON = "/opt/stsm-live-migration/libvirt/bin/python3"
_BESIDE_PORTS = {"tls": 16515, "tcp": 16510}
_KEPT = ("libvirt_name", "migration_address", "migration_interface", "tenant_bridge")


def measured_hosts(names: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The module option ``hosts`` for the inventory's hosts *names*."""
    return [_measured_host(name, hostvars[name]) for name in names]


def _measured_host(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    host: dict[str, Any] = {
        "name": name,
        "address": variables.get("ansible_host", name),
        "concessions": variables.get("host_concessions", []),
        "ssh_arguments": _ssh_arguments(variables),
    }
    host.update({ours: variables[theirs] for theirs, ours in _RENAMED.items() if theirs in variables})
    host.update({key: variables[key] for key in _KEPT if key in variables})
    if variables.get("libvirt_listen") == "tcp":
        host["libvirt_transport"] = "tcp"
    beside = _runs_beside(variables)
    if beside:
        host["python"] = _BESIDE_PYTHON
    transport = host.get("libvirt_transport", "tls")
    port = variables.get(f"libvirt_{transport}_port", _BESIDE_PORTS[transport] if beside else None)
    if port is not None:
        host["libvirt_port"] = int(port)
    return host


def _runs_beside(variables: Mapping[str, Any]) -> bool:
    """Whether guests run on a libvirt beside the distribution's; a role's defaults are no variables of hosts."""
    stack = variables.get("libvirt_stack", variables.get("stack", "distro"))
    return bool(stack == "built" and variables.get("libvirt_layout") == "beside")


def _ssh_arguments(variables: Mapping[str, Any]) -> list[str]:
    arguments = [_absolute(argument) for argument in shlex.split(variables.get("ansible_ssh_common_args", ""))]
    if "ansible_ssh_private_key_file" in variables:
        arguments += ["-i", str(Path(variables["ansible_ssh_private_key_file"]).expanduser().absolute())]
    return arguments


def _absolute(argument: str) -> str:
    """A file option with its path made absolute: Ansible starts ssh where it was called, but a module elsewhere."""
    option, equals, path = argument.partition("=")
    if option in _FILE_OPTIONS and equals and not path.startswith(("/", "~", "%")):
        return f"{option}={Path(path).absolute()}"
    return argument


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"measured_hosts": measured_hosts}
