#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: virtual_hosts
short_description: Make or undo virtual hosts and the networks between them on one machine
version_added: 0.1.0
description:
  - Makes hosts out of one read-only root file system with a layer of its own for each, boots them with
    C(systemd-nspawn), and joins them by one bridge for each network, with declared rates in both directions.
  - Hosts have no route anywhere. They install packages through a relay on the management bridge, which fetches them
    with the machine's own apt.
  - Looks at each thing and acts only where something is missing, so an interrupted run is simply started again.
    A host that exists but was made of something else is refused, never replaced.
  - Forwarding and other settings of the machine's kernel are left as they are.
author:
  - the stsm.live_migration authors (@stsm)
requirements:
  - systemd-nspawn
  - iproute2
  - ssh-keygen
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._networks
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The return value C(changes) has them in words.
  idempotent:
    support: full
options:
  boot_timeout_seconds:
    description: How long to wait for the greeting of each host's SSH server.
    type: int
    default: 120
  devices:
    description: Device nodes of the machine that each host sees.
    type: list
    elements: path
    default: [/dev/net/tun]
  image_root:
    description: Root file system to share, see M(stsm.live_migration.host_image). Required with O(state=present).
    type: path
  package_cache_folder:
    description: Where the relay keeps packages. It stays when the hosts go. Required with O(state=present).
    type: path
  package_relay:
    description: Text of the relay's program. Required with O(state=present).
    type: str
  prefix:
    description: Begins the names of all that is made on the machine.
    type: str
    required: true
  state:
    description: Whether the hosts are to be there.
    type: str
    choices: [present, absent]
    default: present
  state_folder:
    description: Folder of the hosts, which belongs to one O(prefix).
    type: path
    required: true
"""

EXAMPLES = r"""
---
- name: Undo all hosts and networks of a prefix
  stsm.live_migration.virtual_hosts:
    prefix: stsm
    state: absent
    state_folder: /var/lib/stsm-live-migration
  become: true
"""

RETURN = r"""
changes:
  description: What was done, or would be, in words.
  returned: success
  type: list
  elements: str
  sample: [make bridge stsm-mgmt, make host compute1, boot host compute1]
known_hosts:
  description: A line for ssh's file of known hosts for each host, empty for hosts that check mode only announces.
  returned: success
  type: list
  elements: str
  sample: ["198.18.0.11,compute1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"]
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _plan, _relay, _testbed
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._arguments import NETWORK_OPTIONS

_ARGUMENTS = {
    "addresses": {"type": "dict"},
    "authorized_key": {"type": "str", "no_log": False},
    "boot_timeout_seconds": {"type": "int", "default": 120},
    "devices": {"type": "list", "elements": "path", "default": ["/dev/net/tun"]},
    "host_folders": {"type": "dict"},
    "host_networks": {"type": "dict"},
    "image_root": {"type": "path"},
    "members": {"type": "list", "elements": "str"},
    "networks": {"type": "list", "elements": "dict", "options": NETWORK_OPTIONS},
    "package_cache_folder": {"type": "path"},
    "package_relay": {"type": "str"},
    "prefix": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "state_folder": {"type": "path", "required": True},
}
_NEEDED_TO_MAKE = ["addresses", "authorized_key", "image_root", "networks", "package_cache_folder", "package_relay"]


def make(parameters: dict[str, Any], check: bool) -> tuple[list[str], list[str]]:
    """What was changed, and the lines for known_hosts."""
    plan = _plan.make_testbed({**parameters, "image": parameters["image_root"]})
    relay = _relay.Relay(
        prefix=plan.prefix,
        source=parameters["package_relay"],
        address=str(plan.management().provisioner_address),
        cache_folder=Path(parameters["package_cache_folder"]),
        state_folder=plan.state_folder,
    )
    testbed = _testbed.Testbed(plan, relay, check)
    testbed.make(parameters["boot_timeout_seconds"])
    return testbed.changes, testbed.known_hosts()


def main() -> None:
    module = AnsibleModule(
        argument_spec=_ARGUMENTS,
        required_if=[("state", "present", _NEEDED_TO_MAKE)],
        supports_check_mode=True,
    )
    parameters = module.params
    known_hosts: list[str] = []
    try:
        if os.geteuid() != 0:
            raise MachineError("virtual hosts are made and removed as root: set become for the provisioner")
        with _testbed.only_one(Path(parameters["state_folder"])):
            if parameters["state"] == "present":
                changes, known_hosts = make(parameters, module.check_mode)
            else:
                prefix = _plan.check_prefix(parameters["prefix"])
                changes = _testbed.remove(prefix, Path(parameters["state_folder"]), module.check_mode)
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(changed=bool(changes), changes=changes, known_hosts=known_hosts)


if __name__ == "__main__":
    main()
