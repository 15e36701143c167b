#!/usr/bin/python
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign found: a folder of results in, a table and sentences out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Say what a campaign of live migrations found
version_added: 0.1.0
description:
  - Reads the run records of a campaign (C(runs.jsonl) in O(results)) and returns what was found at each dirty rate with
    each strategy, as a table and in sentences, with what each cost the guest.
  - Figures are medians of the valid runs of a cell, with their range, or from six runs on with a 95 % interval. Runs
    that are not valid are named and counted, but are in no figure. Where the guest does not always move, the
    probability that it does is told with its interval, and strategies are compared by how far apart their runs lie.
  - Shows the table and the sentences as plain text on the controller.
  - Writes C(summary.csv) beside the records, one line a run, with the units in the names of its columns.
  - Writes C(report.html) beside them, one page that holds all it needs and opens from the disk without a network (the
    findings, the figures, the vantage points, the models beside the data, each run over time, what was left out and
    why, calibration and provenance), and its figures as C(figures/*.svg).
  - If the campaign was to decide published claims, says for each whether it was reproduced, was not reproduced, cannot
    be decided here and why, or is unknown because the published figure is lost, with effect size, interval and the
    runs behind it; writes that for other programs as C(verdicts.json), whose schema is in the guide of claims.
  - Writes C(findings.txt), the table and the sentences as they are shown, C(runs.parquet), the table of all runs with
    types, and C(ro-crate-metadata.json), which describes every file of the folder as an RO-Crate does.
  - If C(campaign.yml) and C(sessions.jsonl) lie beside the records, as a campaign leaves them, the page also tells what
    the campaign was asked and what the harness took of the time.
requirements:
  - matplotlib (3.7 or newer) for the figures; without it a warning says so, and all else is written
  - SciPy (1.10 or newer) for intervals and effect sizes; without it a warning says so, and ranges are told instead
  - pyarrow (14 or newer) for C(runs.parquet), and rocrate (0.16 or newer) for C(ro-crate-metadata.json); likewise
  - Jinja2 for the page, which comes with ansible-core
options:
  compare:
    description:
      - Another site's bundle, which is checked, or the folder of its campaign, to compare with cell by cell.
      - The tolerance and the confidence are those that the campaign in O(results) fixed in its C(verdict).
      - The page then has a section of it, and C(comparison.json) holds it for other programs.
    type: path
  figures:
    description:
      - Published figures that the campaign's claims lack and the site has, by the experiment and the claim's id, each
        with C(published) (a number, or one for each value of the claim's axis) and C(source). A figure without a source
        is refused, and so is one for a claim whose figure is known.
      - They are kept as C(published_figures.json), and hold for later calls that give none.
    type: dict
    default: {}
  members:
    description:
      - The folders of the campaigns of a sequence, each of which has its own report. Then O(results) is the sequence's
        folder, and gets C(verdicts.json) and C(report.html) of what all of them came to together.
    type: list
    elements: path
    default: []
  results:
    description: The campaign's folder, as M(stsm.live_migration.benchmark) filled it.
    type: path
    required: true
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._publication
attributes:
  check_mode:
    support: full
    details: The findings are returned and no file is written.
  diff_mode:
    support: none
    details: The files follow from the records.
  idempotent:
    support: full
    details: A file is written only if it is not there as it would be.
seealso:
  - module: stsm.live_migration.benchmark
author:
  - The stsm.live_migration authors (@stsm-live-migration)
"""

EXAMPLES = r"""
---
- name: Say what the first campaign found
  stsm.live_migration.report:
    results: results/first
  register: findings

- name: Show it
  ansible.builtin.debug:
    msg: "{{ findings.table + findings.sentences }}"
"""

RETURN = r"""
comparison:
  description: What the comparison with another site found, in words; empty without O(compare).
  type: list
  elements: str
  returned: success
  sample:
    - "3 of 4 cells are equivalent at both sites: ..."
files:
  description: The names of all files that the report consists of, in the campaign's folder.
  type: list
  elements: str
  returned: success
  sample:
    - findings.txt
    - report.html
    - summary.csv
figures:
  description: The figures as files; none without matplotlib or without a run that moved the guest.
  type: list
  elements: str
  returned: success
  sample:
    - results/first/figures/total_time.svg
page:
  description: The report to open in a browser; empty without Jinja2.
  type: str
  returned: success
  sample: results/first/report.html
records:
  description: The file that the findings come from.
  type: str
  returned: success
  sample: results/first/runs.jsonl
runs:
  description: How many runs are recorded.
  type: int
  returned: success
  sample: 16
sentences:
  description: What was found, in words.
  type: list
  elements: str
  returned: success
  sample:
    - At 1.6 times the link (191 MiB/s), pre-copy did not converge, hybrid did.
summary_csv:
  description: The table of all runs.
  type: str
  returned: success
  sample: results/first/summary.csv
table:
  description: The lines of a table with one line for each dirty rate and strategy.
  type: list
  elements: str
  returned: success
  sample:
    - x link  strategy  valid  outcome
    - 0.25    hybrid    2/2    2 completed
verdicts:
  description: What was found of the published claims, in words; empty for a campaign without claims.
  type: list
  elements: str
  returned: success
  sample:
    - "1 verdict on 1 published claim: 1 reproduced."
verdicts_json:
  description: The verdicts for other programs; empty for a campaign without claims.
  type: str
  returned: success
  sample: results/first/verdicts.json
valid_runs:
  description: How many of the runs are valid, and so in the figures.
  type: int
  returned: success
  sample: 16
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._archive import measured
from ansible_collections.stsm.live_migration.plugins.module_utils._compared_sites import compared
from ansible_collections.stsm.live_migration.plugins.module_utils._compared_sites import (
    sentences as comparison_sentences,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._crate import PUBLICATION_OPTIONS, Publication
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._record import write_whole
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_files import files, lacks
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import gather
from ansible_collections.stsm.live_migration.plugins.module_utils._sites import Site, other_site
from ansible_collections.stsm.live_migration.plugins.module_utils._table import text_table
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import verdicts_of
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_overview import (
    gather_verdicts,
    overview_lines,
    overview_page,
    overview_text,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_page import lines


def report(module: AnsibleModule, folder: Path) -> dict[str, Any]:
    """Return the module's result; writes each file unless it is as it should be or the module runs in check mode."""
    path = folder / "runs.jsonl"
    if not path.exists():
        raise InstrumentError(f"There is no {path}: set results to the folder of a campaign that has been measured.")
    records = gather(path, complain=module.warn)
    for sentence in lacks():
        module.warn(sentence)
    around = surroundings(folder, complain=module.warn)
    if module.params["figures"]:
        around = replace(around, published_figures=module.params["figures"])
    comparison = None
    if module.params["compare"]:
        there = other_site(Path(module.params["compare"]), complain=module.warn)
        comparison = compared(Site(records, around, measured(path)[1]), there)
    about = Publication(module.params["licence"], module.params["authors"])
    verdicts = verdicts_of(records, around)
    made = files(folder, records, around, about, verdicts, comparison)
    return {
        "changed": _write(module, folder, made),
        "comparison": comparison_sentences(comparison) if comparison else [],
        "files": sorted(made),
        "figures": [str(folder / name) for name in made if name.startswith("figures/")],
        "page": "".join(str(folder / name) for name in made if name == "report.html"),
        "records": str(path),
        "runs": len(records),
        "sentences": sentences(records),
        "summary_csv": str(folder / "summary.csv"),
        "table": text_table(records),
        "verdicts": lines(verdicts),
        "verdicts_json": "".join(str(folder / name) for name in made if name == "verdicts.json"),
        "valid_runs": sum(record["valid"] for record in records),
    }


def overview(module: AnsibleModule, folder: Path, members: list[Path]) -> dict[str, Any]:
    """Return the module's result for a sequence of campaigns, of which each was reported before."""
    found = gather_verdicts(members)
    html = overview_page(folder.name, found)
    made = {"verdicts.json": overview_text(folder.name, found).encode()}
    if html is not None:
        made["report.html"] = html.encode()
    return {
        "changed": _write(module, folder, made),
        "comparison": [],
        "files": sorted(made),
        "figures": [],
        "page": "" if html is None else str(folder / "report.html"),
        "records": ", ".join(str(member / "runs.jsonl") for member in members),
        "runs": sum(member.recorded_runs for member in found),
        "sentences": [],
        "summary_csv": ", ".join(str(member / "summary.csv") for member in members),
        "table": [],
        "verdicts": overview_lines(found),
        "verdicts_json": str(folder / "verdicts.json"),
        "valid_runs": sum(member.valid_runs for member in found),
    }


def _write(module: AnsibleModule, folder: Path, made: dict[str, bytes]) -> bool:
    """Write each file that is not as it should be, unless in check mode; returns whether there was one."""
    differing = {name: content for name, content in made.items() if _content(folder / name) != content}
    if not module.check_mode:
        for name, content in differing.items():
            write_whole(folder / name, content)
    return bool(differing)


def _content(path: Path) -> bytes | None:
    """Return what a file holds; None if it is not there."""
    return path.read_bytes() if path.exists() else None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **PUBLICATION_OPTIONS,
            "compare": {"type": "path"},
            "figures": {"type": "dict", "default": {}},
            "members": {"type": "list", "elements": "path", "default": []},
            "results": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        folder, members = Path(module.params["results"]), [Path(member) for member in module.params["members"]]
        result = overview(module, folder, members) if members else report(module, folder)
    except InstrumentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
