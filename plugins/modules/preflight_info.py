#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pair of hosts can do what a campaign will ask: parameters in, the instrument called, findings out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Examine a pair of hosts before guests move between them
version_added: 0.1.0
description:
  - Tries, on both hosts and from each to the other, what the migrations asked for need. Nothing is changed.
  - Without further options it examines the hosts as they are - permission for post-copy, clocks and time of day, room
    on the disk, versions, capabilities and strategies, names, libvirt's connection and certificates, migration ports,
    full frames, and what one TCP stream gets through the migration network. What is asked for adds checks and makes
    others strict.
  - Every finding is one sentence. The module does not fail because of a finding, nor because of a host that cannot be
    reached, which is one; a playbook decides what to refuse.
options:
  link:
    description: The migration network as it is declared.
    type: dict
    default: {}
    suboptions:
      measure:
        description: Whether one TCP stream each way is measured, which takes about five seconds and loads the network.
        type: bool
        default: true
      mtu:
        description: The declared MTU; without it the interfaces' own is taken for what the network carries.
        type: int
      rate_mbit_per_second:
        description: The declared rate; without it the measured payload is told and not judged.
        type: float
  guest:
    description:
      - The guest that is to move, with the keys of C(guest) in the scenario of the module
        M(stsm.live_migration.benchmark).
      - Its machine type, processor model, memory and accelerator are examined. A site's own guest (C(domain)) is what
        it is, and adds nothing.
      - Its C(accelerator) may also be C(auto), which no run may have. It is then KVM if a guest boots on that on both
        hosts, and else TCG, as RV(accelerator) says.
    type: dict
  guests:
    description: How many such guests move at once.
    type: int
    default: 1
  strategies:
    description: The strategies that are asked for. One that this pair cannot do is a finding that did not pass.
    type: list
    elements: str
    default: []
  drivers:
    description:
      - The levels at which guests are to be moved, V(libvirt) and V(qmp), of which the latter starts QEMU without
        libvirt.
    type: list
    elements: str
    choices: [libvirt, qmp, nova]
    default: [libvirt]
  results:
    description: The folder on the observer in which records will be written.
    type: path
  boot_limit_seconds:
    description:
      - How much processor time the workload guest may take to boot on the accelerator of O(guest), which is tried on
        both hosts. On a host that is busy with other things it may last three times as long.
      - With V(0) it is not tried.
    type: float
    default: 20
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._attributes.INFO_MODULE
  - stsm.live_migration._hosts
seealso:
  - module: stsm.live_migration.benchmark
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
- name: Examine two hosts
  stsm.live_migration.preflight_info:
    hosts:
      - name: compute1
        address: 192.0.2.11
        migration_address: 198.51.100.11
      - name: compute2
        address: 192.0.2.12
        migration_address: 198.51.100.12
  register: preflight

- name: Examine the inventory's first two compute hosts for a campaign
  stsm.live_migration.preflight_info:
    hosts: "{{ groups['compute'][:2] | stsm.live_migration.measured_hosts(hostvars) }}"
    link:
      rate_mbit_per_second: 10000
      mtu: 9000
    guest:
      memory_mib: 8192
      cpu_model: host-passthrough
      accelerator: kvm
    guests: 2
    strategies: [pre-copy, hybrid]
    results: /srv/results/first
  register: preflight

- name: Refuse hosts that cannot do it
  ansible.builtin.assert:
    that: preflight.findings | rejectattr('passed') | length == 0
    fail_msg: "{{ preflight.findings | rejectattr('passed') | map(attribute='sentence') | join(' ') }}"
"""

RETURN = r"""
accelerator:
  description: What the guest is to run on, V(kvm) or V(tcg). It is the one asked for unless that is C(auto).
  type: str
  returned: when a workload guest is asked for and both hosts can be reached
  sample: tcg
facts:
  description: What each host is, by its name. A host that could not be reached is left out.
  type: dict
  returned: success
  sample: {compute1: {kernel: 6.12.0, qemu_version: 10.0.13}}
findings:
  description: What was found.
  type: list
  elements: dict
  returned: success
  contains:
    host:
      description: The host it was found on, such as V(compute1), V(compute1 and compute2) or V(the observer).
      type: str
    name:
      description:
        - What was examined. V(connection), V(clock), V(time of day), V(post-copy), V(disk), V(memory), V(results),
          V(huge pages), V(accelerator), V(processor), V(machine), V(versions), V(capabilities), V(strategy), V(name),
          V(control connection), V(tunnel), V(certificate), V(ports), V(mtu), V(link), V(encryption) or V(concession).
      type: str
    passed:
      description: Whether it is as the migrations asked for need it.
      type: bool
    sentence:
      description: What was found, what was needed, what to set.
      type: str
  sample:
    - name: mtu
      host: compute2
      passed: false
      sentence: >-
        migration on compute2 has an MTU of 1400, but 1500 is declared: set the interface's MTU, or campaign_link_mtu.
payload_mbit_per_second:
  description: The lower of both directions' payload rates.
  type: float
  returned: when O(link.measure=true) and both hosts and their migration ports can be reached
  sample: 956.4
payload_mbit_per_second_by_direction:
  description: What one TCP stream got, by direction.
  type: dict
  returned: when RV(payload_mbit_per_second) is
  sample: {compute1 to compute2: 956.4, compute2 to compute1: 956.5}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._asked import read_asked
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import (
    holder,
    hosts_argument_spec,
    read_hosts,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import DRIVERS

_LINK = {
    "measure": {"type": "bool", "default": True},
    "mtu": {"type": "int"},
    "rate_mbit_per_second": {"type": "float"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "link": {"type": "dict", "default": {}, "options": _LINK},
            "guest": {"type": "dict"},
            "guests": {"type": "int", "default": 1},
            "strategies": {"type": "list", "elements": "str", "default": []},
            "drivers": {"type": "list", "elements": "str", "choices": list(DRIVERS), "default": ["libvirt"]},
            "results": {"type": "path"},
            "boot_limit_seconds": {"type": "float", "default": 20},
            **hosts_argument_spec(),
        },
        supports_check_mode=True,
    )
    try:
        hosts, asked = read_hosts(module.params["hosts"]), read_asked(module.params)
        examination = examine_hosts(hosts, holder("preflight"), asked)
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    result: dict[str, Any] = {"changed": False, "facts": examination.facts, "findings": examination.findings}
    if examination.accelerator is not None:
        result["accelerator"] = examination.accelerator
    directions = examination.payload_mbit_per_second
    if directions is not None:
        result["payload_mbit_per_second_by_direction"] = directions
        result["payload_mbit_per_second"] = min(directions.values())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
