# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Write the records of a small campaign, with known truth, to the file that is named, and beside it what was asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._record import append
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign

runs = Path(sys.argv[1])
append(runs, campaign())
runs.with_name("campaign.yml").write_text(json.dumps({"title": "Four strategies at two rates", "seed": 4711}))
session = {"runs": 16, "wall_seconds": 100, "migration_seconds": 70, "warm_up_seconds": 10, "overhead_seconds": 20}
runs.with_name("sessions.jsonl").write_text(json.dumps({**session, "stages": {"verify": 4}}) + "\n")
