# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a campaign's records come to, as files: the same records give the same bytes, at any site and in any locale."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings, campaign_of
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text, text_table
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import verdicts_text
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_page import lines
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import Verdict


def tables(records: Sequence[Record], around: Surroundings, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Return the files' text by their names; a report writes them, a bundle holds them, a replay makes them again."""
    told = [f"{sentence}\n" for sentence in (*sentences(records), *lines(verdicts))]
    made = {
        "summary.csv": csv_text(records),
        "findings.txt": "\n".join([around.title or "Live migrations", "", *text_table(records), "", *told]),
    }
    if verdicts:
        made["verdicts.json"] = verdicts_text(campaign_of(records), verdicts, records)
    return made
