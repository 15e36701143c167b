# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Write records whose summaries are what their raw series give to the file that is named."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._record import append
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import STRATEGIES, record

append(Path(sys.argv[1]), [record(strategy, rate) for rate in (0.25, 1.6) for strategy in STRATEGIES])
