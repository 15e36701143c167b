#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another site's campaign, checked and analysed anew: a bundle in, the same tables out, or where they differ."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replay
short_description: Check a bundle of a campaign and analyse its runs anew
version_added: 0.1.0
description:
  - Checks the archive that M(stsm.live_migration.bundle) made at any site, that no file was edited, lost or added, that
    each record follows the schema and is there once, and that each summary is what the raw series give.
  - Analyses the runs anew, on any machine, without hosts, and compares the tables byte by byte.
  - A table that is not the same does not make the module fail; RV(identical) and RV(differences) say so.
  - Checksums show an accident. Against a forger, compare the archive's own checksum with the one that its maker told.
requirements:
  - the libraries that the bundle was made with; others are named in RV(versions)
options:
  any_version:
    description: Take also a bundle that another version of the collection made, whose tables may well differ.
    type: bool
    default: false
  bundle:
    description: The archive, or the folder that it was unpacked to.
    type: path
    required: true
  results:
    description:
      - A folder to keep the bundle's files in, so that M(stsm.live_migration.report) can be called on it. It must not
        be there yet, or be as the bundle has it.
      - By default nothing is kept.
    type: path
extends_documentation_fragment:
  - stsm.live_migration._attributes
attributes:
  check_mode:
    support: full
    details: All is checked and analysed, and no file is kept.
  diff_mode:
    support: none
    details: What differs is returned.
  idempotent:
    support: full
seealso:
  - module: stsm.live_migration.bundle
  - module: stsm.live_migration.report
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
---
- name: Check what another site measured
  stsm.live_migration.replay:
    bundle: first.zip
  register: replayed

- name: Its tables are what its runs give
  ansible.builtin.assert:
    that: replayed.identical
"""

RETURN = r"""
differences:
  description: The tables that are not the same, with the first lines in which they differ.
  type: dict
  returned: success
  sample: {}
files:
  description: The files that were checked.
  type: list
  elements: str
  returned: success
  sample:
    - runs.jsonl
    - summary.csv
identical:
  description: Whether every table made anew has the bytes of the bundle's.
  type: bool
  returned: success
  sample: true
licence:
  description: Under which licence the results may be used.
  type: str
  returned: success
  sample: https://spdx.org/licenses/CC-BY-4.0
runs:
  description: How many runs the bundle holds.
  type: int
  returned: success
  sample: 16
sha256:
  description: The checksum of the archive, to be compared with what its maker told; empty for a folder.
  type: str
  returned: success
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
tables:
  description: The names of the tables that were made anew.
  type: list
  elements: str
  returned: success
  sample:
    - findings.txt
    - summary.csv
valid_runs:
  description: How many of the runs are valid.
  type: int
  returned: success
  sample: 16
versions:
  description: In which versions the analysis here was another than that of the bundle.
  type: list
  elements: str
  returned: success
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._archive import measured
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._replay import keep, opened, replay


def replayed(module: AnsibleModule, bundle: Path) -> dict[str, Any]:
    """Return the module's result."""
    with opened(bundle) as folder:
        found = replay(folder, bundle, module.params["any_version"], complain=module.warn)
        results = module.params["results"]
        changed = keep(folder, Path(results), dry=module.check_mode) if results else False
    return {
        "changed": changed,
        "differences": found.differences,
        "files": found.files,
        "identical": not found.differences,
        "licence": found.licence,
        "runs": found.runs,
        "sha256": measured(bundle)[1] if bundle.is_file() else "",
        "tables": sorted(found.tables),
        "valid_runs": found.valid_runs,
        "versions": found.versions,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "any_version": {"type": "bool", "default": False},
            "bundle": {"type": "path", "required": True},
            "results": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        result = replayed(module, Path(module.params["bundle"]))
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
