# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observer's vantage point: echoes from the guest over the tenant network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, List, Optional

from ansible_collections.stsm.live_migration.plugins.module_utils._probes import _prober
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import PROBE_PERIOD_MS

ECHO_PORT = 7

Echo = List[Optional[int]]


class NetworkProbe:
    """A prober process for as long as the context is open; :attr:`echoes` holds its harvest afterwards."""

    def __init__(self, address: str, period_ms: float = PROBE_PERIOD_MS) -> None:
        self._address = address
        self._period_ms = period_ms
        self.echoes: list[Echo] = []

    def __enter__(self) -> NetworkProbe:
        self._process = subprocess.Popen(
            [sys.executable, "-c", source_of(_prober), self._address, str(ECHO_PORT), str(self._period_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_exception: Any) -> None:
        try:
            output, _errors = self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return
        # A prober that failed has nothing to tell: the vantage point is missing, and the run is judged by that.
        if self._process.returncode == 0:
            self.echoes = json.loads(output)
