# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt driver: peer-to-peer migrations as an operator would start them, watched from both hosts."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Iterator, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._driver import (
    UNREACHABLE_MS,
    Driver,
    Migration,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import Strategy


class LibvirtDriver(Driver):
    """Has the source's libvirt move one guest."""

    def migrate(self, scenario: Scenario, persistent: bool, interrupted: Callable[[], bool]) -> Migration:
        """Have the source's libvirt make the migration; it starts and ends the QEMUs itself."""
        with self._copied_disks(scenario) as disks:
            request = migration_request(scenario, self._destination.host, persistent, disks)
            start_ns = time.monotonic_ns()
            self._source.call("migrate", guest=self._guest, request=request)
            return self._follow(start_ns, scenario, interrupted)

    def _advice(self) -> str:
        return f": look at it with virsh domjobinfo {self._guest}"

    @contextlib.contextmanager
    def _copied_disks(self, scenario: Scenario) -> Iterator[list[str]]:
        """The disks that move with the guest, by their targets; their new images go if the guest does not come."""
        if not scenario.guest.copy_disks:
            yield []
            return
        found = self._source.call("describe_disks", guest=self._guest)
        self._destination.call("make_disks", guest=self._guest, **found)
        try:
            yield [disk["target"] for disk in found["disks"]]
        finally:
            # An agent that is no longer reached settles by itself, as the connection ends.
            with contextlib.suppress(InstrumentError):
                if self._destination.call("settle_disks", guest=self._guest) == "kept":
                    self._source.call("note_left_disks", guest=self._guest, **found)


def destination_uri(host: Host, tunnelled: bool = False) -> str:
    """The libvirt URI by which the source's libvirt reaches *host*.

    A tunnel carries the guest's memory, so it goes over the migration network; otherwise libvirt's connection stays off
    that, where its last messages would queue behind the memory.
    """
    name = _bracketed(host.migration_address) if tunnelled else host.libvirt_name or host.name
    port = f":{host.libvirt_port}" if host.libvirt_port else ""
    return f"qemu+{host.libvirt_transport}://{name}{port}/system"


def is_tunnelled(strategy: Strategy) -> bool:
    """Whether libvirt's own connection carries the guest's memory."""
    return "VIR_MIGRATE_TUNNELLED" in strategy.libvirt_flags


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def migration_request(
    scenario: Scenario, destination: Host, persistent: bool, disks: Sequence[str] = ()
) -> dict[str, Any]:
    """What the agent is asked to do; plain data, also shown as the plan in check mode.

    *disks* are the targets of the disks that are copied; in a plan they are not known yet.
    """
    choice, strategy = scenario.strategy, scenario.strategy.row
    tunnelled = is_tunnelled(strategy)
    parameters: dict[str, Any] = {}
    if not tunnelled:
        parameters["migrate_uri"] = f"tcp://{_bracketed(destination.migration_address)}"
    if "VIR_MIGRATE_TLS" in strategy.libvirt_flags:
        # The certificate is judged by this name, since the stream goes to an address.
        parameters["tls.destination"] = destination.libvirt_name or destination.name
    limit = choice.bandwidth_limit_mib_per_second
    if limit is not None:
        parameters["bandwidth"] = limit
        if strategy.uses_postcopy:
            parameters["bandwidth.postcopy"] = limit
    parameters.update(strategy.libvirt_parameters(choice.options))
    flags = list(strategy.libvirt_flags)
    if persistent:
        flags += ["VIR_MIGRATE_PERSIST_DEST", "VIR_MIGRATE_UNDEFINE_SOURCE"]
    if scenario.guest.copy_disks:
        flags.append("VIR_MIGRATE_NON_SHARED_DISK")
        if disks:
            parameters["migrate_disks"] = list(disks)
    return {
        "destination_uri": destination_uri(destination, tunnelled),
        "flags": flags,
        "parameters": parameters,
        "switch": choice.switch.kind,
        "switch_number": choice.switch.number,
        "recovers": choice.recovers,
        "time_limit_seconds": scenario.time_limit_seconds,
        "downtime_limit_ms": UNREACHABLE_MS if strategy.uses_postcopy else choice.downtime_limit_ms,
    }
