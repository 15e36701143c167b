# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt driver: peer-to-peer migrations as an operator would start them, watched from both hosts."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Iterator, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario, SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import Strategy

_NOTICES = ("event", "job", "finished", "network", "threads")
# What is left after the first pass may well fit into an ordinary downtime limit: QEMU would end the migration as
# pre-copy in the moment in which it is to switch.
_UNREACHABLE_MS = 1
# How much longer than its time limit a run may take: an abort takes a moment, and a post-copy cannot be taken back.
_GRACE_SECONDS = 60.0
_LOOK_SECONDS = 0.25


class LibvirtDriver:
    """Moves one guest from *source* to *destination*."""

    def __init__(self, guest: str, source: HostConnection, destination: HostConnection) -> None:
        self._guest = guest
        self._source = source
        self._destination = destination

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Forget earlier runs and sample both hosts within the context."""
        connections = (self._source, self._destination)
        try:
            for connection in connections:
                connection.forget(*_NOTICES, guest=self._guest)
                connection.call("start_sampling", interface=connection.host.migration_interface, guest=self._guest)
            yield
        finally:
            for connection in connections:
                # A host that is gone samples no more; what it has sent is kept.
                with contextlib.suppress(InstrumentError):
                    connection.call("stop_sampling", guest=self._guest)

    def migrate(self, scenario: Scenario, persistent: bool, interrupted: Callable[[], bool]) -> dict[str, Any]:
        """Move the guest; returns when it began and ended and how (``migration`` of the observation).

        Raises InstrumentError only if the migration could not be begun.  A host that is lost meanwhile, or a migration
        that does not end, is told as its error.
        """
        with self._copied_disks(scenario) as disks:
            request = migration_request(scenario, self._destination.host, persistent, disks)
            start_ns = time.monotonic_ns()
            self._source.call("migrate", guest=self._guest, request=request)
            try:
                return self._wait(scenario, interrupted)
            except InstrumentError as error:
                return {
                    "start_ns": start_ns,
                    "end_ns": time.monotonic_ns(),
                    "switch_requested_ns": None,
                    "abort_reason": None,
                    "error": str(error),
                }

    @contextlib.contextmanager
    def _copied_disks(self, scenario: Scenario) -> Iterator[list[str]]:
        """The disks that move with the guest, by their targets; their new images go if the guest does not come."""
        if not _copies_disks(scenario):
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

    def _wait(self, scenario: Scenario, interrupted: Callable[[], bool]) -> dict[str, Any]:
        patience_seconds = scenario.time_limit_seconds * 2 + _GRACE_SECONDS
        deadline = time.monotonic() + patience_seconds
        aborted = False
        while time.monotonic() < deadline:
            finished = self._source.wait_for("finished", _LOOK_SECONDS, guest=self._guest)
            if finished is not None:
                return {key: value for key, value in finished.items() if key not in ("at_ns", "guest")}
            if interrupted() and not aborted:
                self._source.call("abort_migration", guest=self._guest, reason="interrupted")
                aborted = True
        raise InstrumentError(
            f"The migration on {self._source.host.name} had not ended {patience_seconds:g} s after its start: "
            f"look at it with virsh domjobinfo {self._guest}."
        )

    def harvest(self) -> dict[str, Any]:
        """Everything both hosts saw: the observation's ``events``, ``job_series``, ``completed`` and so on."""
        ends = {"source": self._source, "destination": self._destination}
        events = [
            {"host": end, **{key: event[key] for key in ("event", "at_ns", "data")}}
            for end, connection in ends.items()
            for event in connection.notices("event", guest=self._guest)
        ]
        return {
            "events": sorted(events, key=lambda event: event["at_ns"]),
            "job_series": [
                {"at_ns": job["at_ns"], **job["statistics"]} for job in self._source.notices("job", guest=self._guest)
            ],
            "completed": self._completed(),
            "network": {end: self._samples(connection, "network") for end, connection in ends.items()},
            "threads": {end: self._samples(connection, "threads") for end, connection in ends.items()},
        }

    def _samples(self, connection: HostConnection, kind: str) -> list[dict[str, Any]]:
        """What was sampled for this guest on a host, without its name."""
        notices = connection.notices(kind, guest=self._guest)
        return [{key: value for key, value in notice.items() if key != "guest"} for notice in notices]

    def _completed(self) -> dict[str, Any] | None:
        with contextlib.suppress(InstrumentError):
            statistics: dict[str, Any] | None = self._source.call("completed_statistics", guest=self._guest)
            return statistics
        return None

    def destination_statistics(self) -> dict[str, Any]:
        """What the destination's QEMU knows after the end; it alone counts post-copy's blocktime and latency."""
        answer: dict[str, Any] = self._destination.call("ask_qemu", guest=self._guest, command="query-migrate")
        return answer


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


def _copies_disks(scenario: Scenario) -> bool:
    return isinstance(scenario.guest, SiteGuest) and scenario.guest.copy_disks


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
    if _copies_disks(scenario):
        flags.append("VIR_MIGRATE_NON_SHARED_DISK")
        if disks:
            parameters["migrate_disks"] = list(disks)
    return {
        "destination_uri": destination_uri(destination, tunnelled),
        "flags": flags,
        "parameters": parameters,
        "switch": choice.switch.kind,
        "switch_number": choice.switch.number,
        "time_limit_seconds": scenario.time_limit_seconds,
        "recovers": choice.recovers,
        "downtime_limit_ms": _UNREACHABLE_MS if strategy.uses_postcopy else choice.downtime_limit_ms,
    }
