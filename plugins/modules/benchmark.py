#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured migration: parameters in, the instrument called, a run record out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: benchmark
short_description: Measure one live migration of a guest between two hosts
version_added: 0.1.0
description:
  - Moves a guest from the host it runs on to the other one, as O(scenario) asks, and watches it from three vantage
    points, the hypervisors' events, the guest's own clock and echoes over the network.
  - The workload guest is started on the first host if it runs on neither. It goes on running where the migration left
    it, so that the next run moves it back.
  - Before the first run of a campaign the vantage points are calibrated against known pauses of the guest; the
    calibration is kept beside the records and is part of each.
  - Each run, also one that did not converge, failed or is invalid, is appended to C(runs.jsonl) in O(results).
  - An invalid run is measured once more.
  - A run that is recorded already for the same scenario, repetition and builds of both ends is not measured again.
  - It is an action and not a state. Run it on the observer, the machine that probes the guest over the network.
options:
  calibrate:
    description:
      - Whether the vantage points are calibrated before the first run of a campaign.
      - Without O(guest_address) they are not.
    type: bool
    default: true
  fresh:
    description: Measure also what is recorded already.
    type: bool
    default: false
  guest_address:
    description:
      - The workload guest's address on the tenant network, with its prefix length. The guest is given it.
      - For a site's own guest the address at which it answers ICMP echo requests, IPv4 or IPv6; its prefix length may
        be left out.
      - Left out, the network is not probed, and only the hypervisors' events show the downtime.
    type: str
  results:
    description: The campaign's folder; its last part is the campaign's name. Made if it does not exist.
    type: path
    required: true
  scenario:
    description:
      - What is measured, as a dictionary with the keys C(guest), C(workload), C(link), C(strategy), C(driver),
        C(repetition), C(time_limit_seconds), C(warm_up_seconds), C(guests), C(migrations_at_once), C(background) and
        C(fault). The guide of measurement definitions explains each.
      - "C(strategy.name) is one of the table of strategies: V(pre-copy), V(hybrid), V(post-copy), V(stop-and-copy),
        V(auto-converge), V(multifd), V(xbzrle), V(tls-hybrid), V(tunnelled-hybrid) and others. Before a run both hosts
        are asked whether they can do it."
      - "C(driver) is V(libvirt), V(qmp), which starts and asks both QEMUs itself, or V(nova), which has the O(cloud)
        start and move the guest; a workload guest of V(qmp) ends with the measurement. C(fault) has the link cut or a
        QEMU killed at a moment of the migration."
      - "With C(guest.domain) a site's own guest is moved, and C(workload) is left out. C(guest.copy_disks) copies its
        image files with it, for hosts that do not share storage."
    type: dict
    required: true
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._cloud
  - stsm.live_migration._hosts
attributes:
  check_mode:
    support: full
    details: Both hosts are examined, and what would be asked of libvirt or QEMU is returned; no guest is moved.
  diff_mode:
    support: none
    details: A measurement has no state before and after.
  idempotent:
    support: partial
    details: A run that is recorded already is skipped unless O(fresh) is set.
requirements:
  - jsonschema
  - openstacksdk, for the driver V(nova)
seealso:
  - module: stsm.live_migration.preflight_info
  - module: stsm.live_migration.report
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
- name: Move the guest once by hybrid migration while it dirties a quarter of what the link carries
  stsm.live_migration.benchmark:
    hosts:
      - name: compute1
        address: 192.0.2.11
        migration_address: 198.51.100.11
      - name: compute2
        address: 192.0.2.12
        migration_address: 198.51.100.12
    guest_address: 203.0.113.100/24
    results: results/first
    scenario:
      workload:
        working_set_mib: 256
        dirty_rate_of_link: 0.25
      link:
        rate_mbit_per_second: 1000
        payload_mbit_per_second: 956.5
      strategy:
        name: hybrid
"""

RETURN = r"""
accelerator:
  description:
    - What the guest ran on, and what its hosts run on if they are virtual machines themselves, whose times are not
      those of hardware.
  type: str
  returned: when a run was measured or was recorded already
  sample: kvm (nested in tcg)
guests:
  description:
    - What each of the guests that moved at once gave, with the keys RV(accelerator), RV(outcome), RV(reason),
      RV(run_id), RV(summary), RV(valid) and RV(validators) that stand beside it for the first one.
  type: list
  elements: dict
  returned: when a run was measured or was recorded already
outcome:
  description: How the migration ended.
  type: str
  returned: when a run was measured or was recorded already
  sample: completed
plan:
  description: What would be asked of libvirt on the guest's host, or of QEMU on both.
  type: dict
  returned: in check mode
  contains:
    capabilities:
      description: Which of QEMU's capabilities would be on or off, with the driver V(qmp).
      type: dict
    destination:
      description: The host the guest would move to.
      type: str
    destination_uri:
      description: How the source's libvirt reaches the destination's, with the driver V(libvirt).
      type: str
    downtime_limit_ms:
      description: The downtime limit that QEMU is given.
      type: int
    flags:
      description: The flags of libvirt's migration, with the driver V(libvirt).
      type: list
      elements: str
    guest_is_running:
      description: Whether the guest runs on one of the hosts already.
      type: bool
    is_recorded:
      description: Whether the run is recorded already and would be skipped.
      type: bool
    parameters:
      description: The typed parameters of libvirt's migration, or QEMU's parameters.
      type: dict
    recovers:
      description: Whether a post-copy that breaks would be resumed.
      type: bool
    scenario:
      description: The scenario with all defaults filled in.
      type: dict
    source:
      description: The host the guest would move from.
      type: str
    suspends_first:
      description: Whether the guest would be stopped first, with the driver V(qmp).
      type: bool
    switch:
      description: When post-copy would begin.
      type: str
    switch_number:
      description: After how many passes or seconds, where the switch takes a number.
      type: float
    time_limit_seconds:
      description: When the migration would be given up.
      type: float
reason:
  description: Why the outcome is what it is, in one sentence.
  type: str
  returned: when a run was measured or was recorded already
  sample: The guest runs on the destination.
record:
  description: The file the record was appended to.
  type: str
  returned: when a run was measured or was recorded already
  sample: results/first/runs.jsonl
run_id:
  description: The record's identity.
  type: str
  returned: when a run was measured or was recorded already
  sample: 4c8a1f52-7f0e-4d0a-9d51-6a4c5d9a3a10
skipped_as_recorded:
  description: Whether the run was recorded already and so not measured.
  type: bool
  returned: success
  sample: false
summary:
  description: The run's figures, with their units in the keys, as the record has them.
  type: dict
  returned: when a run was measured or was recorded already
  sample:
    total_time_ms: 3120.4
    downtime_events_ms: 21.3
valid:
  description: Whether all validators that apply passed.
  type: bool
  returned: when a run was measured or was recorded already
  sample: true
validators:
  description: What each validator found.
  type: list
  elements: dict
  returned: when a run was measured or was recorded already
  contains:
    name:
      description: The validator.
      type: str
    passed:
      description: Whether it passed; none where it does not apply.
      type: bool
    sentence:
      description: What it found.
      type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils import _interrupts
from ansible_collections.stsm.live_migration.plugins.module_utils._benchmark import Benchmark
from ansible_collections.stsm.live_migration.plugins.module_utils._cloud_option import cloud_argument_spec, read_cloud
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import hosts_argument_spec, read_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import guest_fault
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "calibrate": {"type": "bool", "default": True},
            "fresh": {"type": "bool", "default": False},
            "guest_address": {"type": "str"},
            "results": {"type": "path", "required": True},
            "scenario": {"type": "dict", "required": True},
            **cloud_argument_spec(),
            **hosts_argument_spec(),
        },
        supports_check_mode=True,
    )
    _interrupts.raised()
    try:
        benchmark = Benchmark(
            hosts=read_hosts(module.params["hosts"]),
            scenario=Scenario.from_dict(module.params["scenario"]),
            folder=Path(module.params["results"]),
            guest_address=module.params["guest_address"],
            calibrates=module.params["calibrate"],
            cloud=read_cloud(module.params["cloud"]),
        )
        if module.check_mode:
            plan = benchmark.plan(module.params["fresh"])
            module.exit_json(changed=not plan["is_recorded"], skipped_as_recorded=plan["is_recorded"], plan=plan)
        result = benchmark.run(fresh=module.params["fresh"])
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    except KeyboardInterrupt:
        module.fail_json(
            msg="The measurement was interrupted before it had anything to record; a guest it started goes on running."
        )
    for guest in result["guests"]:
        fault = guest_fault(guest)
        if fault:
            module.fail_json(msg=f"The migration damaged the guest: {fault}", **result)
        # Where a QEMU was to be killed, this is what was to be measured.
        if guest["outcome"] in ("failed", "lost", "aborted") and not guest["valid"]:
            module.fail_json(msg=f"The migration ended as {guest['outcome']}: {guest['reason']}", **result)
    module.exit_json(changed=not result["skipped_as_recorded"], **result)


if __name__ == "__main__":
    main()
