#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: virtual_machines
short_description: Prepare virtual machines that are to be hosts, up to what libvirt defines
version_added: 0.1.0
description:
  - Makes a bridge for each network, and for each host a small disk with its identity - name, SSH host key, addresses,
    rates. The host's image lays it over its system before that starts.
  - Returns what libvirt's networks, storage pool, volumes and domains are to be written from.
  - Refuses before it makes anything - names or subnets that are in use, a host that exists but was made of something
    else, less memory or disk than all hosts together may need.
  - What it makes is removed by M(stsm.live_migration.virtual_hosts) with C(state=absent), with the machines.
author:
  - the stsm.live_migration authors (@stsm)
requirements:
  - iproute2
  - mke2fs
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
  accelerator:
    description:
      - What the machines are to run on.
      - With V(auto) new hosts get what existing ones have. Where there is none, check mode leaves it open, and making
        hosts is refused; M(stsm.live_migration.accelerator_info) finds out.
    type: str
    choices: [auto, kvm, tcg]
    default: auto
  image_disk:
    description: Bootable disk to share, see M(stsm.live_migration.host_image).
    type: path
    required: true
  prefix:
    description: Begins the names of all that is made on the machine.
    type: str
    required: true
  sizes:
    description: For C(vcpus), C(memory_mib) and C(disk_gib), the size of each host by name.
    type: dict
    required: true
  state_folder:
    description: Folder of the hosts, which belongs to one O(prefix).
    type: path
    required: true
"""

EXAMPLES = r"""
---
- name: Prepare a host
  stsm.live_migration.virtual_machines:
    prefix: stsm
    state_folder: /var/lib/stsm-live-migration
    image_disk: /var/cache/stsm-live-migration/images/3f2a9c51d07e/disk.raw
    accelerator: tcg
    authorized_key: "{{ lookup('ansible.builtin.file', '.site/ssh/id_ed25519.pub') }}"
    networks:
      - name: management
        bridge: stsm-mgmt
        subnet: 198.18.0.0/24
        provisioner_address: 198.18.0.1
    addresses:
      management:
        compute1: 198.18.0.11
    sizes:
      vcpus: {compute1: 2}
      memory_mib: {compute1: 2048}
      disk_gib: {compute1: 8}
  become: true
  register: prepared
"""

RETURN = r"""
accelerator:
  description: What the machines run on, V(auto) if that is still open.
  returned: success
  type: str
  sample: tcg
changes:
  description: What was done, or would be, in words.
  returned: success
  type: list
  elements: str
  sample: [make bridge stsm-mgmt, make the identity of host compute1]
known_hosts:
  description: A line for ssh's file of known hosts for each host, empty for hosts that check mode only announces.
  returned: success
  type: list
  elements: str
  sample: ["198.18.0.11,compute1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"]
machines:
  description: What each host's domain and volume are written from.
  returned: success
  type: list
  elements: dict
  contains:
    accelerator:
      description: What it runs on.
      type: str
    address:
      description: Address on the management network.
      type: str
    console:
      description: File that the serial console goes to.
      type: str
    disk_gib:
      description: Size of the disk.
      type: int
    domain:
      description: Name of the domain.
      type: str
    identity:
      description: File of the disk with the host's identity.
      type: str
    interfaces:
      description: For each network, the interface's hardware address, the machine's device and the rate of receiving.
      type: list
      elements: dict
    memory_mib:
      description: Memory.
      type: int
    name:
      description: The host.
      type: str
    uuid:
      description: Number of the domain, made of its name, the prefix and the state folder.
      type: str
    vcpus:
      description: Virtual processors.
      type: int
    volume:
      description: Name of the volume.
      type: str
networks:
  description: Name, number and bridge of each network.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "stsm-management", "uuid": "1b9e…", "bridge": "stsm-mgmt"}]
pool:
  description: Name, number and folder of the storage pool.
  returned: success
  type: dict
  sample: {"name": "stsm", "uuid": "77c0…", "path": "/var/lib/stsm-live-migration/stsm-disks"}
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _libvirt_hosts,
    _libvirt_plan,
    _testbed,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._arguments import NETWORK_OPTIONS
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._changes import Changes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "accelerator": {"type": "str", "choices": ["auto", "kvm", "tcg"], "default": "auto"},
            "addresses": {"type": "dict"},
            "authorized_key": {"type": "str", "no_log": False},
            "host_folders": {"type": "dict"},
            "host_networks": {"type": "dict"},
            "image_disk": {"type": "path", "required": True},
            "members": {"type": "list", "elements": "str"},
            "networks": {"type": "list", "elements": "dict", "options": NETWORK_OPTIONS},
            "prefix": {"type": "str", "required": True},
            "sizes": {"type": "dict", "required": True},
            "state_folder": {"type": "path", "required": True},
        },
        # The module that removes hosts, too, does without them.
        required_by={"prefix": ["addresses", "authorized_key", "networks"]},
        supports_check_mode=True,
    )
    changes = Changes(module.check_mode)
    try:
        if os.geteuid() != 0:
            raise MachineError("virtual machines are prepared as root: set become for the provisioner")
        plan = _libvirt_plan.make_plan(module.params)
        with _testbed.only_one(Path(module.params["state_folder"])):
            _libvirt_hosts.prepare(plan, changes)
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(
        changed=bool(changes.made),
        accelerator=plan.accelerator,
        changes=changes.made,
        known_hosts=_libvirt_hosts.known_hosts(plan),
        machines=[_libvirt_plan.describe(plan, machine) for machine in plan.machines],
        networks=_libvirt_plan.describe_networks(plan.testbed),
        pool=_libvirt_plan.describe_pool(plan.testbed),
    )


if __name__ == "__main__":
    main()
