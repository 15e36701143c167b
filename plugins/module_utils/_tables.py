# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign's records come to, as files: the same records give the same bytes, at any site and in any locale."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text, text_table


def tables(records: Sequence[Record], around: Surroundings) -> dict[str, str]:
    """Return the files' text by their names; a report writes them, a bundle holds them, a replay makes them again."""
    return {
        "summary.csv": csv_text(records),
        "findings.txt": "\n".join([around.title or "Live migrations", "", *text_table(records), "", *_told(records)]),
    }


def _told(records: Sequence[Record]) -> list[str]:
    """Return what was found, a line each."""
    return [f"{sentence}\n" for sentence in sentences(records)]
