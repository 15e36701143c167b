#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign of measured migrations: parameters in, the engine called, what it did out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign
short_description: Measure a campaign of live migrations between two hosts
version_added: 0.1.0
description:
  - Makes every run of a campaign, each combination of the values of its axes as often as asked, in an order that is
    randomised in blocks by the campaign's seed. Each run is watched as by M(stsm.live_migration.benchmark).
  - Both hosts are held for the length of the campaign, and guests live for a block, moving to and fro between them.
  - Each run is on the observer's disk before the next one begins. What is recorded already for the same scenario and
    the same builds of both ends is skipped, so a campaign that was interrupted at any moment is continued by asking for
    it again.
  - A run that is not valid is measured once more at once, and again by each later call.
  - A migration that failed, lost its guest or damaged it is a result, recorded and told in a warning; the
    other runs are made all the same.
  - Says one line a run, with its place and the time left, on the controller's screen and in C(progress.log).
  - It is an action and not a state. Run it on the observer, the machine that probes the guests over the network.
options:
  calibrate:
    description:
      - Whether the vantage points are calibrated against known pauses before the first run.
      - Without O(guest_address) they are not.
    type: bool
    default: true
  claims:
    description:
      - Published claims, of which the campaign takes those that name its O(experiment). What bears each of them out is
        written down before the first run. The guide of claims explains their keys.
    type: list
    elements: dict
    default: []
  definition:
    description:
      - The campaign, a dictionary with the keys C(axes), C(repetitions), C(seed), C(time_limit_seconds) and others. The
        guide of campaigns explains each.
    type: dict
    required: true
  experiment:
    description: By which name O(claims) mean this campaign; by default the last part of O(results).
    type: str
  experiments:
    description: Which experiments O(claims) may name besides this one; a claim about any other is refused.
    type: list
    elements: str
    default: []
  fresh:
    description: Measure also what is recorded already.
    type: bool
    default: false
  guest_address:
    description:
      - The first guest's address on the tenant network, with its prefix length; further guests have the next ones.
      - Left out, the network is not probed, and only the hypervisors' events show the downtime.
    type: str
  payload_mbit_per_second:
    description:
      - What one TCP stream gets through the site's link, as M(stsm.live_migration.preflight_info) measured it.
    type: float
  results:
    description: The campaign's folder; its last part is the campaign's name. Made if it does not exist.
    type: path
    required: true
  site:
    description:
      - What the site adds to every run, keys of the scenario of M(stsm.live_migration.benchmark). C(link) holds the
        rate and MTU of the migration network, C(guest) the accelerator.
    type: dict
    default: {}
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._cloud
  - stsm.live_migration._hosts
attributes:
  check_mode:
    support: full
    details: The runs are returned in their order with how long they will take; no guest is moved.
  diff_mode:
    support: none
    details: A measurement has no state before and after.
  idempotent:
    support: partial
    details: Runs that are recorded already are skipped unless O(fresh) is set.
requirements:
  - jsonschema
  - openstacksdk, for the driver V(nova)
seealso:
  - module: stsm.live_migration.benchmark
  - module: stsm.live_migration.preflight_info
  - module: stsm.live_migration.report
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
- name: Compare pre-copy and hybrid at two dirty rates, six times each
  stsm.live_migration.campaign:
    hosts:
      - name: compute1
        address: 192.0.2.11
        migration_address: 198.51.100.11
      - name: compute2
        address: 192.0.2.12
        migration_address: 198.51.100.12
    guest_address: 203.0.113.100/24
    results: results/first
    payload_mbit_per_second: 956.5
    site:
      guest:
        accelerator: kvm
      link:
        rate_mbit_per_second: 1000
    definition:
      axes:
        strategy: [pre-copy, hybrid]
        dirty_rate_of_link: [0.25, 1.6]
      repetitions: 6
      seed: 2014
"""

RETURN = r"""
accelerator:
  description:
    - What the guests run on, and what their hosts run on if they are virtual machines themselves, whose times are not
      those of hardware.
  type: str
  returned: when runs were measured
  sample: kvm (nested in tcg)
left_out:
  description:
    - The cells that cannot be measured at this site, each with its values by axis, its name and the reason; none unless
      the campaign's C(when_a_cell_cannot_run) is V(leave-out).
  type: list
  elements: dict
  returned: success
  sample: []
failures:
  description: One sentence for each run that failed, was lost or damaged the guest.
  type: list
  elements: str
  returned: when runs were measured
  sample: []
left:
  description: How many runs are still to be made, because the budget was used up.
  type: int
  returned: when runs were measured
  sample: 0
measured:
  description: How many runs this call made.
  type: int
  returned: when runs were measured
  sample: 24
outcomes:
  description: How many of the runs ended how.
  type: dict
  returned: when runs were measured
  sample: {completed: 20, not_converged: 4}
plan:
  description: The runs in their order.
  type: list
  elements: dict
  returned: in check mode
  contains:
    block:
      description: The block, whose runs share guests and link.
      type: int
    is_recorded:
      description: Whether the run is recorded already and would be skipped.
      type: bool
    predicted_high_ms:
      description: The total time of the migration that 95 of 100 runs are expected to stay below.
      type: int
    predicted_low_ms:
      description:
        - The total time of the migration that 95 of 100 runs are expected to stay above, by the models and by how exact
          rates are; null if none is expected to move its guest, or nothing is known of it.
      type: int
    predicted_probability:
      description: How likely the guest moves within its time limit, by the models; null for a site's own guest.
      type: float
    predicted_seconds:
      description: How long the run will take by the models.
      type: float
    repetition:
      description: The repetition.
      type: int
    run:
      description: The run's cell.
      type: str
planned:
  description: How many runs the campaign has.
  type: int
  returned: when runs were measured
  sample: 24
record:
  description: The file that holds the records.
  type: str
  returned: success
  sample: results/first/runs.jsonl
recorded_before:
  description: How many runs were recorded already.
  type: int
  returned: when runs were measured
  sample: 0
session:
  description: What the call took, in seconds, and which share of that was neither migration nor warm-up.
  type: dict
  returned: when runs were measured
  sample: {wall_seconds: 180.2, migration_seconds: 102.1, warm_up_seconds: 48.2, overhead_share: 0.166}
spared:
  description: How many runs the campaign's stopping rule made needless, because their cells are known well enough.
  type: int
  returned: when runs were measured
  sample: 0
valid:
  description: How many of the runs that this call made count.
  type: int
  returned: when runs were measured
  sample: 24
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils import _claims, _interrupts
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign import Campaign
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._cloud_option import cloud_argument_spec, read_cloud
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._hosts_option import hosts_argument_spec, read_hosts


def definition(params: dict[str, Any]) -> Definition:
    """Return the campaign that the module is to make, with the claims that are about it."""
    name = params["experiment"] or Path(params["results"]).name
    claims = _claims.read(params["claims"], [*params["experiments"], name])
    own = [claim.to_dict() for claim in claims if claim.experiment == name]
    return Definition.from_dict({**params["definition"], **({"claims": own} if own else {})})


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "calibrate": {"type": "bool", "default": True},
            "claims": {"type": "list", "elements": "dict", "default": []},
            "definition": {"type": "dict", "required": True},
            "experiment": {"type": "str"},
            "experiments": {"type": "list", "elements": "str", "default": []},
            "fresh": {"type": "bool", "default": False},
            "guest_address": {"type": "str"},
            "payload_mbit_per_second": {"type": "float"},
            "results": {"type": "path", "required": True},
            "site": {"type": "dict", "default": {}},
            **cloud_argument_spec(),
            **hosts_argument_spec(),
        },
        supports_check_mode=True,
    )
    _interrupts.raised()
    folder = CampaignFolder(Path(module.params["results"]))
    record = str(folder.runs)
    try:
        campaign = Campaign(
            hosts=read_hosts(module.params["hosts"]),
            definition=definition(module.params),
            site=module.params["site"],
            folder=folder,
            guest_address=module.params["guest_address"],
            payload_mbit_per_second=module.params["payload_mbit_per_second"],
            calibrates=module.params["calibrate"],
            cloud=read_cloud(module.params["cloud"]),
            fresh=module.params["fresh"],
        )
        if module.check_mode:
            plan = campaign.plan()
            changed = not all(run["is_recorded"] for run in plan)
            module.exit_json(changed=changed, plan=plan, left_out=campaign.left_out, record=record)
        result = campaign.run()
    except InstrumentError as error:
        module.fail_json(msg=f"{error} What is recorded stays; the same call goes on from there.")
    except KeyboardInterrupt:
        module.fail_json(msg="The campaign was interrupted. What is recorded stays; the same call goes on from there.")
    # What a migration did to a guest is a result: it is recorded and told, and the campaign is as good as any other.
    for failure in result["failures"]:
        module.warn(failure)
    module.exit_json(changed=result["measured"] > 0, record=record, left_out=campaign.left_out, **result)


if __name__ == "__main__":
    main()
