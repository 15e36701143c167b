# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All files that a report lays beside a campaign's records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _crate, _export
from ansible_collections.stsm.live_migration.plugins.module_utils._archive import Content, measured
from ansible_collections.stsm.live_migration.plugins.module_utils._bundle import files_of
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._compared_sites import Comparison, json_text
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import (
    PUBLISHED_FIGURES,
    Surroundings,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._report_html import (
    LACKS,
    figures,
    missing_packages,
    page,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._tables import tables
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import Verdict

# What a report lacks without a package, beside what its page lacks.
_LACKS = {"pyarrow": "runs.parquet", "rocrate": _crate.METADATA}


def lacks() -> list[str]:
    """Return what a report lacks here, one sentence for each missing package."""
    absent = {name: LACKS[name] for name in missing_packages()}
    absent.update({name: _LACKS[name] for name in (_export.missing(), _crate.missing()) if name})
    return [
        f"The Python library {name} is missing on the observer, so the report lacks {what}:"
        f" install it (pip install {name})."
        for name, what in absent.items()
    ]


def files(
    folder: Path,
    records: Sequence[Record],
    around: Surroundings,
    about: _crate.Publication,
    verdicts: Sequence[Verdict] = (),
    comparison: Comparison | None = None,
) -> dict[str, bytes]:
    """Return the content of each file by its name in the folder; the crate, which describes all others, is the last."""
    drawn = figures(records)
    texts = {**tables(records, around, verdicts), **{f"figures/{drawing.name}.svg": drawing.svg for drawing in drawn}}
    if around.published_figures:
        texts[PUBLISHED_FIGURES] = json.dumps(around.published_figures, indent=1, sort_keys=True) + "\n"
    if comparison is not None:
        texts["comparison.json"] = json_text(comparison)
    html = page(records, drawn, around, verdicts, comparison)
    if html is not None:
        texts["report.html"] = html
    made = {name: text.encode() for name, text in texts.items()}
    exported = _export.parquet_bytes(records)
    if exported is not None:
        made["runs.parquet"] = exported
    if not _crate.missing():
        contents: dict[str, Content] = {**files_of(folder), **made}
        sizes = {name: measured(content) for name, content in contents.items()}
        made[_crate.METADATA] = _crate.described(sizes, records, around.title, about).encode()
    return made
