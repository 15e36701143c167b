#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: package_relay
short_description: Serve packages to hosts that have no route anywhere
version_added: 0.1.0
description:
  - Starts a small HTTP server at an address of the machine, which fetches packages with the machine's own apt and keeps
    them. Hosts check all signatures themselves.
  - A relay that runs with the same program and configuration is left alone; another one is replaced.
  - It is ended by M(stsm.live_migration.virtual_hosts) with C(state=absent), with the hosts that it serves.
author:
  - the stsm.live_migration authors (@stsm)
extends_documentation_fragment:
  - stsm.live_migration._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: There is nothing to compare in a program that runs or does not.
  idempotent:
    support: full
options:
  address:
    description: Address of the machine that hosts reach.
    type: str
    required: true
  cache_folder:
    description: Where packages are kept. It stays when the hosts go.
    type: path
    required: true
  prefix:
    description: Begins the names of all that is made on the machine.
    type: str
    required: true
  program:
    description: Text of the relay's program.
    type: str
    required: true
  state_folder:
    description: Folder of the hosts, which belongs to one O(prefix).
    type: path
    required: true
"""

EXAMPLES = r"""
---
- name: Serve packages to the hosts
  stsm.live_migration.package_relay:
    prefix: stsm
    state_folder: /var/lib/stsm-live-migration
    address: 198.18.0.1
    cache_folder: /var/cache/stsm-live-migration/packages
    program: "{{ lookup('ansible.builtin.file', 'package_relay.py') }}"
  become: true
"""

RETURN = r""" # """

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _plan, _relay, _testbed


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "cache_folder": {"type": "path", "required": True},
            "prefix": {"type": "str", "required": True},
            "program": {"type": "str", "required": True},
            "state_folder": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    state_folder = Path(module.params["state_folder"])
    try:
        if os.geteuid() != 0:
            raise MachineError("the package relay is started as root: set become for the provisioner")
        relay = _relay.Relay(
            prefix=_plan.check_prefix(module.params["prefix"]),
            source=module.params["program"],
            address=module.params["address"],
            cache_folder=Path(module.params["cache_folder"]),
            state_folder=state_folder,
        )
        with _testbed.only_one(state_folder):
            changed = not _relay.is_current(relay)
            if changed and not module.check_mode:
                _relay.start(relay)
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
