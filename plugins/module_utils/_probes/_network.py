# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observer's vantage point: echoes from the guest over the tenant network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, List, Optional

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._probes import _prober
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import PROBE_PERIOD_MS

Echo = List[Optional[int]]


class NetworkProbe:
    """A prober process for as long as the context is open; :attr:`echoes` holds its harvest afterwards.

    *protocol* is ``udp`` for the workload guest and ``icmp`` for any other.
    """

    def __init__(self, address: str, protocol: str = "udp", period_ms: float = PROBE_PERIOD_MS) -> None:
        self._address = address
        self._protocol = protocol
        self._period_ms = period_ms
        self.echoes: list[Echo] = []

    def __enter__(self) -> NetworkProbe:
        self._try_protocol()
        self._process = subprocess.Popen(
            [sys.executable, "-c", source_of(_prober), self._address, self._protocol, str(self._period_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def _try_protocol(self) -> None:
        """Say now, and not after the guest has moved, that this observer cannot probe."""
        try:
            _prober.PROTOCOLS[self._protocol](self._address).link.close()
        except PermissionError:
            raise InstrumentError(
                "The observer may not send ICMP echo requests, by which a site's own guest is probed: run the "
                "measurement as root, or admit its group in the sysctl net.ipv4.ping_group_range."
            ) from None
        except OSError as error:
            raise InstrumentError(
                f"The guest's address {self._address} cannot be probed from the observer ({error}): correct it."
            ) from None

    def stop_sending(self) -> None:
        """Send no more and wait for what is still under way, which takes a moment; harmless if asked for again."""
        if self._process.stdin is not None:
            self._process.stdin.close()
            # Or communicate would flush it.
            self._process.stdin = None

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
