#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which strategy to move a running guest: parameters in, the guest and the link measured, advice out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: advise_info
short_description: Say by which strategy to move a running guest
version_added: 0.1.0
description:
  - Measures what a running guest writes and what the link carries, and says what each strategy is expected to take,
    with an interval, and which one to take. Nothing is moved or changed.
  - The guest may be any that libvirt runs. What it writes is libvirt's dirty rate calculation over several times of
    different length, from which working set and dirty rate follow.
  - Where the link is measured, its network is loaded for some four seconds.
options:
  downtime_limit_ms:
    description: The longest blackout that pre-copy and stop-and-copy may leave to the end.
    type: int
    default: 300
  guest:
    description: The domain's name.
    type: str
    required: true
  link:
    description: The migration network.
    type: dict
    required: true
    suboptions:
      mtu:
        description: The largest packet, in bytes.
        type: int
        default: 1500
      payload_mbit_per_second:
        description: What one TCP stream gets through it; without it that is measured.
        type: float
      rate_mbit_per_second:
        description: The line rate.
        type: float
        required: true
  mode:
    description:
      - How the dirty rate is calculated. By default V(dirty-ring) or V(dirty-bitmap) on KVM, which are exact and cost
        the guest a fault for each page that it writes, and else V(page-sampling), which costs the guest nothing.
    type: str
    choices: [page-sampling, dirty-bitmap, dirty-ring]
  post_copy:
    description:
      - Whether the advice may be a strategy that switches to post-copy. Should the link or a host fail then, the guest
        stands still until it is recovered, or is lost.
    type: bool
    default: true
  seconds:
    description:
      - The length of the long measurement, of 2 to 60 s. In this time the guest should have been through all that it
        writes again and again.
    type: int
    default: 8
  strategies:
    description: The strategies to choose from.
    type: list
    elements: str
    choices: [pre-copy, hybrid, post-copy, stop-and-copy, auto-converge]
    default: [pre-copy, hybrid, post-copy, stop-and-copy, auto-converge]
  time_limit_seconds:
    description: After how long a migration that has not ended is given up.
    type: float
    default: 120
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
- name: Ask how to move a database
  stsm.live_migration.advise_info:
    guest: database-1
    hosts: "{{ groups['compute'][:2] | stsm.live_migration.measured_hosts(hostvars) }}"
    link:
      rate_mbit_per_second: 10000
      mtu: 9000
  register: advised

- name: Show the advice, and how libvirt is told
  ansible.builtin.debug:
    msg: "{{ [advised.sentence] + chosen.commands.libvirt }}"
  vars:
    chosen: "{{ advised.strategies | selectattr('name', 'equalto', advised.advice) | first }}"

- name: Ask for a guest that must not depend on two hosts, with a shorter blackout
  stsm.live_migration.advise_info:
    guest: controller
    hosts: "{{ groups['compute'][:2] | stsm.live_migration.measured_hosts(hostvars) }}"
    link: {rate_mbit_per_second: 1000}
    downtime_limit_ms: 100
    post_copy: false
"""

RETURN = r"""
advice:
  description: The strategy to take, null if none is sure to move the guest.
  type: str
  returned: success
  sample: hybrid
destination:
  description: The host to which the guest would move.
  type: str
  returned: success
  sample: compute2
guest:
  description: What was measured of the guest.
  type: dict
  returned: success
  contains:
    accelerator:
      description: What it runs on, V(kvm) or V(tcg).
      type: str
    dirtied_mib:
      description: How much memory it changed (C(mib)) in how long a time (C(seconds)), one entry for each measurement.
      type: list
      elements: dict
    dirty_rate_mib_per_second:
      description: Its dirty rate as C(centre), C(low) and C(high), between which it lies nine times of ten.
      type: dict
    has_dirty_ring:
      description: Whether it was started with KVM's dirty ring.
      type: bool
    memory_mib:
      description: Its memory.
      type: float
    mode:
      description: How the dirty rate was calculated.
      type: str
    rate_is_at_least:
      description: Whether it was through its working set within the short time already, and may write faster than told.
      type: bool
    touched_mib:
      description: How much of its memory the host holds, which is what a migration has to send.
      type: float
    vcpus:
      description: Its processors.
      type: int
    working_set_mib:
      description: The memory that it writes to again and again, as C(centre), C(low) and C(high).
      type: dict
  sample:
    memory_mib: 512
    touched_mib: 334.2
    mode: page-sampling
    dirty_rate_mib_per_second: {centre: 151, low: 121, high: 214}
    working_set_mib: {centre: 242, low: 210, high: 265}
payload_mbit_per_second:
  description: What one TCP stream gets from the source to the destination.
  type: float
  returned: success
  sample: 956.4
sentence:
  description: The advice and its reasons.
  type: str
  returned: success
  sample: >-
    Move it by hybrid: it is expected to take 5.4 s (4.7 to 6.2), to stop the guest for 125 ms (55.2 to 283), and to
    slow it down for 900 ms (200 to 2,100) after that; pre-copy ends within 120 s with a probability of 0% only, on a
    stream of 114 MiB/s.
source:
  description: The host on which the guest runs.
  type: str
  returned: success
  sample: compute1
strategies:
  description: What each strategy is expected to take. Nine of ten runs lie between C(low) and C(high).
  type: list
  elements: dict
  returned: success
  contains:
    brownout_ms:
      description: How long the guest waits for its memory after the blackout; null if it is not expected to move.
      type: dict
    commands:
      description:
        - What to enter at each level - C(qemu) the commands of QMP at the source, of which the capabilities and
          parameters are to be set at both ends, C(libvirt) those of virsh at the source, of which the second is for
          another shell while the first one runs, C(nova) the lines of nova.conf on both hosts.
      type: dict
    downtime_ms:
      description: The blackout; null if the guest is not expected to move.
      type: dict
    name:
      description: The strategy.
      type: str
    obstacle:
      description: Why these hosts cannot do it; null if they can.
      type: str
    probability:
      description: How likely the guest moves within the time limit.
      type: float
    total_time_ms:
      description: How long the migration takes; null if the guest is not expected to move.
      type: dict
  sample:
    - name: pre-copy
      probability: 0.0
      total_time_ms: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._advice import MODELLED
from ansible_collections.stsm.live_migration.plugins.module_utils._advise import MODES, Question, advise
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import (
    holder,
    hosts_argument_spec,
    read_hosts,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Link

_LINK = {
    "mtu": {"type": "int", "default": 1500},
    "payload_mbit_per_second": {"type": "float"},
    "rate_mbit_per_second": {"type": "float", "required": True},
}


def main() -> None:
    """Run the module."""
    strategies = list(MODELLED)
    module = AnsibleModule(
        argument_spec={
            "downtime_limit_ms": {"type": "int", "default": 300},
            "guest": {"type": "str", "required": True},
            "link": {"type": "dict", "required": True, "options": _LINK},
            "mode": {"type": "str", "choices": list(MODES)},
            "post_copy": {"type": "bool", "default": True},
            "seconds": {"type": "int", "default": 8},
            "strategies": {"type": "list", "elements": "str", "choices": strategies, "default": strategies},
            "time_limit_seconds": {"type": "float", "default": 120},
            **hosts_argument_spec(),
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        question = Question(
            guest=asked["guest"],
            link=Link(**asked["link"]),
            strategies=asked["strategies"],
            seconds=asked["seconds"],
            mode=asked["mode"],
            downtime_limit_ms=asked["downtime_limit_ms"],
            time_limit_seconds=asked["time_limit_seconds"],
            permits_post_copy=asked["post_copy"],
        )
        result = advise(read_hosts(asked["hosts"]), holder("advice"), question)
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
