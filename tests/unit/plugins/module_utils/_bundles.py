# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A measured campaign's folder with its report, and the bundle of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._archive import CHECKSUMS, checksums, measured, pack
from ansible_collections.stsm.live_migration.plugins.module_utils._bundle import contents
from ansible_collections.stsm.live_migration.plugins.module_utils._crate import Publication
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import gather
from ansible_collections.stsm.live_migration.plugins.module_utils._tables import tables
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import verdicts_of
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record

ABOUT = Publication(authors=[{"name": "Ada Example", "orcid": "0000-0002-1825-0097"}, {"name": "Bo Example"}])


def measured_folder(folder: Path, records: list[dict[str, Any]] | None = None) -> Path:
    """The folder of two runs, or of those given, with its tables."""
    folder.mkdir(exist_ok=True)
    runs = records or [record("hybrid"), record("pre-copy")]
    (folder / "runs.jsonl").write_text("".join(json.dumps(built) + "\n" for built in runs))
    (folder / "campaign.yml").write_text(json.dumps({"title": "Two strategies"}))
    write_tables(folder)
    return folder


def write_tables(folder: Path) -> None:
    """Bring a folder's tables up to its runs, as the report does."""
    records, around = gather(folder / "runs.jsonl"), surroundings(folder)
    verdicts = verdicts_of(records, around)
    for name, text in tables(records, around, verdicts).items():
        (folder / name).write_text(text)


def bundle_of(folder: Path, archive: Path) -> Path:
    """The bundle of a folder."""
    pack(archive, contents(folder, ABOUT))
    return archive


def edited(archive: Path, change: Callable[[dict[str, bytes]], Any], sums: bool = True) -> Path:
    """The same bundle after a change of its files, with checksums that fit again."""
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    if sums:
        files[CHECKSUMS] = checksums({name: measured(content) for name, content in files.items() if name != CHECKSUMS})
    pack(archive, dict(files))
    return archive
