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
  - Tries, from both hosts, what a migration needs. Each host's libvirt reaches the other's, QEMU's unprivileged user
    may use userfaultfd, the clocks are known well enough.
  - Measures what one TCP stream gets through the migration network in each direction, which reports compare with.
  - Every finding is one sentence. The module does not fail because of a finding; a playbook decides what to refuse.
options:
  link:
    description: Whether the link is measured, which takes about five seconds and loads the migration network.
    type: bool
    default: true
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
"""

RETURN = r"""
facts:
  description: What each host is, by its name.
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
      description: The host it was found on.
      type: str
    name:
      description: What was examined.
      type: str
    passed:
      description: Whether it is as a migration needs it.
      type: bool
    sentence:
      description: What was found, what was needed, what to set.
      type: str
payload_mbit_per_second:
  description: The lower of both directions' payload rates.
  type: float
  returned: when O(link=true)
  sample: 956.4
payload_mbit_per_second_by_direction:
  description: What one TCP stream got, by direction.
  type: dict
  returned: when O(link=true)
  sample: {compute1 to compute2: 956.4, compute2 to compute1: 956.5}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import (
    holder,
    hosts_argument_spec,
    read_hosts,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine, measure_link
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"link": {"type": "bool", "default": True}, **hosts_argument_spec()},
        supports_check_mode=True,
    )
    result: dict[str, Any] = {"changed": False}
    try:
        with open_testbed(read_hosts(module.params["hosts"]), holder("preflight")) as testbed:
            result.update(facts=testbed.facts, findings=examine(testbed))
            if module.params["link"]:
                directions = measure_link(testbed)
                result["payload_mbit_per_second_by_direction"] = directions
                result["payload_mbit_per_second"] = min(directions.values())
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
