# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QMP driver: QEMU by hand, both of its ends started and asked without libvirt between."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._command_line import Order, arrival_order
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._driver import (
    UNREACHABLE_MS,
    Driver,
    Migration,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._recovery import Recovery
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BYTES_PER_MIB, Scenario

# Left alone, QEMU sends 32 MiB/s (128 MiB/s from 6.0 on); this is what libvirt sets where no limit is asked for.
_UNLIMITED_BYTES_PER_SECOND = (((1 << 63) - 1) >> 20) << 20
# Events, which the instrument lives on, and the answer of the destination, without which the source would take a guest
# for moved that could not be loaded there.
_ALWAYS = ("events", "return-path")
_START_SECONDS = 60.0


class QmpDriver(Driver):
    """Starts a QEMU on the destination by *order*, moves the guest into it, and ends the one that it has left."""

    def __init__(self, guest: str, source: HostConnection, destination: HostConnection, order: Order) -> None:
        super().__init__(guest, source, destination)
        self._order = order
        self._recovery = Recovery(guest, source, destination)

    def migrate(self, scenario: Scenario, persistent: bool, interrupted: Callable[[], bool]) -> Migration:
        """Move the guest, from the start of the destination's QEMU on."""
        start_ns = time.monotonic_ns()
        request = migration_request(scenario)
        try:
            machine = self._source.call("guest_machine", guest=self._guest)
            order = arrival_order(self._order, machine)
            self._destination.call("launch_guest", _START_SECONDS, guest=self._guest, order=order)
            address = self._destination.host.migration_address
            uri = self._destination.call("await_guest", guest=self._guest, address=address, request=request)
            if "tls-creds" in request["parameters"]:
                # The certificate is judged by this name, since the stream goes to an address.
                host = self._destination.host
                request["parameters"]["tls-hostname"] = host.libvirt_name or host.name
            self._source.call("migrate_by_hand", guest=self._guest, request={**request, "uri": uri})
        except InstrumentError:
            self._dismiss(self._destination)
            raise
        account = self._follow(start_ns, scenario, interrupted)
        error = self._recovery.given_up_because or account["error"]
        return {**account, "start_ns": start_ns, "error": error, "resumes": self._recovery.attempts}

    def _attend(self, scenario: Scenario) -> None:
        self._recovery.look(scenario)

    def tidy(self, location: str) -> None:
        """End every QEMU of the guest but that of its home."""
        for end, connection in (("source", self._source), ("destination", self._destination)):
            if end != location:
                self._dismiss(connection)

    def _dismiss(self, connection: HostConnection) -> None:
        # A host that is gone ends its QEMU by itself, as the connection ends.
        with contextlib.suppress(InstrumentError):
            connection.call("dismiss_guest", guest=self._guest)


def migration_request(scenario: Scenario) -> dict[str, Any]:
    """What both agents are asked to do; plain data, also shown as the plan in check mode."""
    choice, strategy = scenario.strategy, scenario.strategy.row
    limit = choice.bandwidth_limit_mib_per_second
    limit_bytes = None if limit is None else limit * BYTES_PER_MIB
    parameters: dict[str, Any] = {
        "max-bandwidth": limit_bytes or _UNLIMITED_BYTES_PER_SECOND,
        "downtime-limit": UNREACHABLE_MS if strategy.uses_postcopy else choice.downtime_limit_ms,
    }
    if limit_bytes is not None and strategy.uses_postcopy:
        parameters["max-postcopy-bandwidth"] = limit_bytes
    parameters.update(strategy.qmp_parameters(choice.options))
    return {
        "capabilities": {name: True for name in (*_ALWAYS, *strategy.qmp_capabilities)},
        "parameters": parameters,
        "suspends_first": strategy.suspends_first,
        "switch": choice.switch.kind,
        "switch_number": choice.switch.number,
        "recovers": choice.recovers,
        "time_limit_seconds": scenario.time_limit_seconds,
        # Already among the parameters.
        "downtime_limit_ms": None,
    }
