# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's libvirt: its connection, its events, and the guests on it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Callable, Mapping
from xml.etree import ElementTree

from ._binding import libvirt, libvirt_qemu
from ._clock import monotonic_from_realtime_ns
from ._errors import AgentError

_STATES = {
    0: "running",
    1: "running",
    2: "blocked",
    3: "paused",
    4: "shutdown",
    5: "shutoff",
    6: "crashed",
    7: "suspended",
}


class Hypervisor:
    """One connection to ``qemu:///system`` with its event loop.

    *on_event* is called with a guest's name and each of its QEMU's events: name, time, data.  *on_pass* is called with
    the guest's name at each pass over its memory that a migration begins.
    """

    def __init__(
        self,
        on_event: Callable[[str, str, int, Mapping[str, Any]], None],
        on_pass: Callable[[str], None],
    ) -> None:
        if libvirt is None:
            raise AgentError("The host has no python3-libvirt: deploy the host's stack first (playbook deploy).")
        self._on_event = on_event
        self._on_pass = on_pass
        self._begun: set[str] = set()
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=self._run_event_loop, name="events", daemon=True).start()
        try:
            self.connection = libvirt.open("qemu:///system")
        except libvirt.libvirtError as error:
            raise AgentError(f"libvirt on the host does not answer ({error}): start libvirtd there.") from None
        libvirt_qemu.qemuMonitorEventRegister(self.connection, None, None, self._on_qemu_event, None)
        self._completed: dict[str, dict[str, Any]] = {}
        for identifier, callback in (
            (libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, self._on_iteration),
            (libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self._on_job_completed),
        ):
            self.connection.domainEventRegisterAny(None, identifier, callback, None)

    @staticmethod
    def _run_event_loop() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    def _on_qemu_event(
        self, _connection: Any, domain: Any, event: str, seconds: int, micros: int, details: str | None, _opaque: Any
    ) -> None:
        at_ns = monotonic_from_realtime_ns(seconds * 1_000_000_000 + micros * 1000)
        if event == "RESUME":
            self._begun.add(domain.name())
        self._on_event(domain.name(), event, at_ns, json.loads(details or "{}"))

    def _on_iteration(self, _connection: Any, domain: Any, _iteration: int, _opaque: Any) -> None:
        self._on_pass(domain.name())

    def _on_job_completed(self, _connection: Any, domain: Any, statistics: dict[str, Any], _opaque: Any) -> None:
        self._completed[domain.name()] = statistics

    def take_completed(self, guest: str) -> dict[str, Any] | None:
        """The statistics of the last job of *guest* that ended; None if none did since the last call."""
        return self._completed.pop(guest, None)

    def has_begun(self, guest: str) -> bool:
        """Whether *guest* began to run here since it was last forgotten, were it for a moment."""
        return guest in self._begun

    def forget_begun(self, guest: str) -> None:
        self._begun.discard(guest)

    def domain(self, guest: str) -> Any:
        try:
            return self.connection.lookupByName(guest)
        except libvirt.libvirtError:
            raise AgentError(f"There is no guest {guest} on this host.") from None

    def state(self, guest: str) -> dict[str, Any]:
        """``{"state", "description", "persistent", "traits"}``: running, …, absent; what forbids moves."""
        try:
            domain = self.connection.lookupByName(guest)
            state, _reason = domain.state()
            description = domain.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None)
        except libvirt.libvirtError as error:
            absent = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_DOMAIN_METADATA)
            if error.get_error_code() not in absent:
                raise
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return {"state": "absent", "description": "", "persistent": False, "traits": []}
            description = ""
        return {
            "state": _STATES.get(state, "unknown"),
            "description": description,
            "persistent": bool(domain.isPersistent()),
            "traits": ["hostdev"] if "<hostdev" in domain.XMLDesc() else [],
        }

    def resume_after_migration(self, guest: str) -> None:
        """Resume *guest* if a migration that ended before its switch left it paused.

        Any other pause stays: the operator's own, and above all that of a failed post-copy, where the newer half of the
        guest's memory is on the other host and the guest here has gone back in time.
        """
        try:
            domain = self.connection.lookupByName(guest)
            if domain.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION]:
                domain.resume()
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise AgentError(f"The guest {guest} could not be resumed: {error}.") from None

    def create(self, definition: str, result_path: str) -> None:
        """Start a transient guest from its XML, with empty result files."""
        results = Path(result_path)
        for stale in results.parent.glob(results.name + "*"):
            stale.unlink()
        try:
            self.connection.createXML(definition, 0)
        except libvirt.libvirtError as error:
            raise AgentError(f"The guest did not start: {error}.") from None

    def destroy(self, guest: str) -> list[str]:
        """End *guest* at once; returns the image files that it had.  Harmless if it is not here."""
        try:
            domain = self.connection.lookupByName(guest)
            disks = ElementTree.fromstring(domain.XMLDesc()).iterfind("devices/disk/source[@file]")
            domain.destroy()
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            return []
        return [source.attrib["file"] for source in disks]

    def ask_qemu(self, guest: str, command: str) -> Any:
        """One read-only QMP command; the domain is marked tainted by libvirt, which is harmless here."""
        answer = libvirt_qemu.qemuMonitorCommand(self.domain(guest), json.dumps({"execute": command}), 0)
        return json.loads(answer).get("return", {})
