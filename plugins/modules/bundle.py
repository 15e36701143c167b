#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign to give away: a folder of results in, one archive out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle
short_description: Make one archive of a campaign's results that another site can check
version_added: 0.1.0
description:
  - Packs a campaign's folder (all its files but hidden ones and archives) with the schema of its records, the
    provenance of its runs, the versions of the libraries of its analysis, and each file's checksum, as an RO-Crate.
  - The same folder gives the same bytes, with the same libraries.
  - Refuses a folder whose tables are not those of its runs; call M(stsm.live_migration.report) before.
  - A last line of C(runs.jsonl) that was never finished is left out, which a warning says.
  - Records name hosts and their addresses in the site's own words. Look at what is given away before it is published.
requirements:
  - rocrate (0.16 or newer)
options:
  archive:
    description: The archive to make, a zip file.
    type: path
    required: true
  results:
    description: The campaign's folder.
    type: path
    required: true
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._publication
attributes:
  check_mode:
    support: full
    details: The contents are returned and no archive is written.
  diff_mode:
    support: none
    details: The archive follows from the folder.
  idempotent:
    support: full
    details: An archive that is there with the same bytes is left alone.
seealso:
  - module: stsm.live_migration.replay
  - module: stsm.live_migration.report
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
---
- name: Give the first campaign away
  stsm.live_migration.bundle:
    results: results/first
    archive: results/first.zip
    authors:
      - name: Ada Example
  register: bundled
"""

RETURN = r"""
archive:
  description: The archive.
  type: str
  returned: success
  sample: results/first.zip
files:
  description: The names of the files in it.
  type: list
  elements: str
  returned: success
  sample:
    - SHA256SUMS
    - ro-crate-metadata.json
    - runs.jsonl
sha256:
  description: The checksum of the archive, also in check mode, to be told beside it.
  type: str
  returned: success
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._archive import measured, pack
from ansible_collections.stsm.live_migration.plugins.module_utils._bundle import contents
from ansible_collections.stsm.live_migration.plugins.module_utils._crate import PUBLICATION_OPTIONS, Publication
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError


def bundle(module: AnsibleModule, folder: Path, archive: Path) -> dict[str, Any]:
    """Return the module's result; the archive is replaced only by one with other bytes."""
    about = Publication(module.params["licence"], module.params["authors"])
    held = contents(folder, about, complain=module.warn)
    before = measured(archive)[1] if archive.is_file() else ""
    with tempfile.TemporaryDirectory(prefix="stsm-bundle-") as passing:
        draft = Path(passing) / "bundle.zip"
        pack(draft, held)
        after = measured(draft)[1]
        changed = before != after
        if changed and not module.check_mode:
            archive.parent.mkdir(parents=True, exist_ok=True)
            module.atomic_move(str(draft), str(archive))
    return {"changed": changed, "archive": str(archive), "files": sorted(held), "sha256": after}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **PUBLICATION_OPTIONS,
            "archive": {"type": "path", "required": True},
            "results": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        result = bundle(module, Path(module.params["results"]), Path(module.params["archive"]))
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
