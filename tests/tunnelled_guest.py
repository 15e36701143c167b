# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A workload guest that virsh moves between the hosts through libvirt's tunnel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

from own_guest import on
from quickstart_hosts import GUEST_ADDRESS, scenario

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_run import configure
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, settle_guests

_MIGRATE = "virsh migrate --live --p2p --postcopy"
TUNNELLED, DIRECT = "--tunnelled", ""
_PATIENCE_SECONDS = 60
# More than the switch leaves behind in a moment.
_WORKLOAD = {"working_set_mib": 300, "dirty_rate_mib_per_second": 60}


class TunnelledGuest:
    """The workload guest, which dirties its memory, and the host that it is on."""

    def __init__(self, testbed: Testbed) -> None:
        self._scenario = scenario("hybrid", guest={"memory_mib": 512}, workload=_WORKLOAD)
        (site,) = settle_guests(testbed, self._scenario, GUEST_ADDRESS)
        self.name = site.guest
        self._channel = site.channel
        self._at, self._other = site.source, site.destination

    @property
    def source(self) -> Host:
        return self._at.host

    @property
    def destination(self) -> Host:
        return self._other.host

    def dirty(self) -> None:
        """Fill the working set anew and dirty it from now on."""
        assert self._channel is not None and self._scenario.workload is not None
        configure(self._channel, self._at, self._scenario.workload)

    def command(self, options: str, way: str = TUNNELLED) -> str:
        return f"{_MIGRATE} {way} {options} {self.name} qemu+tls://{self.destination.name}/system"

    def migrate(self, options: str, way: str = TUNNELLED) -> None:
        """Move the guest; subprocess.CalledProcessError has libvirt's words."""
        on(self.source, self.command(options, way))
        self._at, self._other = self._other, self._at

    def state(self, host: Host) -> str:
        """Such as "running (post-copy failed)"; empty where it is not."""
        return on(host, f"virsh domstate --reason {self.name} 2>/dev/null || true").strip()

    def wrong_pages(self) -> int:
        """How many pages are not as the guest has written them."""
        assert self._channel is not None
        answer: dict[str, Any] = self._channel.ask(self._at, "verify")
        return int(answer["wrong_count"])


def begin(host: Host, command: str) -> subprocess.Popen[bytes]:
    """Start a command on a host without waiting for it."""
    return subprocess.Popen(["ssh", *host.ssh_arguments, f"{host.user}@{host.address}", command])


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something to hold, for a minute at most."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it has not come to hold within a minute"
        time.sleep(0.1)
