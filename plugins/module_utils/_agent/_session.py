# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's main loop: calls in, results and notices out, and a clean end when the connection goes."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, Callable, Mapping

from ._boot_proof import boot_proof
from ._clock import now_ns
from ._dirtying import describe, measure
from ._disks import GuestDisks, discard_disk, make_own_disk
from ._errors import AgentError
from ._facts import gather
from ._faults import Fault
from ._guest_channel import ControlPort, ResultFollower, last_line
from ._hand_calls import HandCalls
from ._hypervisor import Hypervisor
from ._launcher import Launcher
from ._libvirt_mover import LibvirtMover, named_statistics
from ._link_limit import LinkLimit
from ._load import Load, busy_processors, stream_in, stream_out
from ._lock import HostLock
from ._migration import END_SECONDS, Migration
from ._mover import Mover
from ._nova_calls import NovaCalls
from ._offer import offer
from ._path_calls import PathCalls
from ._permission import post_copy_permission
from ._samples import Sampler
from ._shared_folder import has_mark, leave_mark, remove_mark
from ._survey import free_mib, survey, wall_clock_ns
from ._witness import Witness


class Session:
    """What one controller may ask of this host; every public method is a call of the wire protocol.

    So is every public method of :class:`.HandCalls`, for guests without libvirt, of :class:`.PathCalls`, for the way to
    the other host, and of :class:`.NovaCalls`, for guests of a cloud.
    """

    def __init__(self, replies: BinaryIO) -> None:
        self._replies = replies
        self._write_lock = threading.Lock()
        self._host_lock = HostLock()
        self._hypervisor: Hypervisor | None = None
        self._launcher = Launcher(self._on_event)
        self._hand_calls = HandCalls(self._launcher, self._begin, lambda guest: self._libvirt.state(guest)["state"])
        # Of the guests that move at once, by name.
        self._migrations: dict[str, Migration] = {}
        self._samplers: dict[str, Sampler] = {}
        self._followers: dict[str, ResultFollower] = {}
        self._control_ports: dict[str, ControlPort] = {}
        # By what they find.
        self._loads: dict[str, Load] = {}
        # By interface.
        self._link_limits: dict[str, LinkLimit] = {}
        self._faults: dict[str, Fault] = {}
        self._guest_disks: GuestDisks | None = None
        self._path_calls = PathCalls()
        self._nova_calls = NovaCalls(lambda: self._libvirt, self._begin, self.notify)

    # -- speech ----------------------------------------------------------------------------------------------------

    def notify(self, notice: str, **fields: Any) -> None:
        self._write({"notice": notice, **fields})

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._write_lock:
            try:
                self._replies.write(data)
                self._replies.flush()
            except (BrokenPipeError, ValueError):
                pass  # the controller is gone: its end of file ends the session

    def serve(self, requests: BinaryIO) -> None:
        """Answer calls until the connection ends, then settle."""
        try:
            for line in requests:
                request = json.loads(line)
                self._write({"id": request["id"], **self._answer(request["call"], request["arguments"])})
        finally:
            self.settle()

    def _answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        rooms = () if name.startswith("_") else (self, self._hand_calls, self._path_calls, self._nova_calls)
        call: Callable[..., Any] | None = next((getattr(room, name) for room in rooms if hasattr(room, name)), None)
        if call is None:
            return {"error": f"The agent has no call {name}: controller and agent differ in version."}
        try:
            return {"result": call(**arguments)}
        except AgentError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": f"{name} failed on the host with {type(error).__name__}: {error}."}

    def settle(self) -> None:
        """Leave no job, load, limit, sampler or paused guest behind; a step that fails does not prevent the others."""
        for migration in self._migrations.values():
            migration.abort("interrupted")
        deadline = time.monotonic() + END_SECONDS
        with contextlib.ExitStack() as steps:
            # The last one to be named is the first to be taken.
            steps.callback(self._host_lock.release)
            for guest in list(self._faults):
                steps.callback(self.disarm_fault, guest)
            for interface in self._link_limits:
                steps.callback(self.unshape_link, interface)
            for guest in self._followers:
                steps.callback(self.stop_following, guest)
            for guest in self._samplers:
                steps.callback(self.stop_sampling, guest)
            steps.callback(self._launcher.destroy_all)
            if self._guest_disks is not None:
                steps.callback(self._guest_disks.settle_all)
            for guest in self._migrations:
                steps.callback(self._end_migration, guest, deadline)
            steps.callback(self.stop_loads)

    def _end_migration(self, guest: str, deadline: float) -> None:
        self._migrations[guest].join(max(0.0, deadline - time.monotonic()))
        self.resume_guest(guest)

    # -- the host --------------------------------------------------------------------------------------------------

    @property
    def _libvirt(self) -> Hypervisor:
        if self._hypervisor is None:
            self._hypervisor = Hypervisor(self._on_event, self._on_pass)
        return self._hypervisor

    def clock(self) -> int:
        return now_ns()

    def facts(self, interface: str, emulator: str) -> dict[str, Any]:
        return gather(self._libvirt.connection, interface, emulator)

    def wall_clock(self) -> int:
        return wall_clock_ns()

    def survey(self, emulator: str, accelerator: str | None, folders: list[str]) -> dict[str, Any]:
        return survey(self._libvirt.connection, emulator, accelerator, folders)

    def offer(self, **question: Any) -> dict[str, Any]:
        return offer(self._libvirt.connection, **question)

    def boot_proof(self, emulator: str, accelerator: str, limit_seconds: float) -> dict[str, Any]:
        return boot_proof(emulator, accelerator, limit_seconds)

    def post_copy_permission(self, emulator: str) -> dict[str, Any]:
        return post_copy_permission(emulator)

    def lock(self, holder: str) -> None:
        self._host_lock.acquire(holder)

    def start_sampling(self, interface: str, guest: str) -> None:
        sampler = Sampler(self.notify, interface, guest)
        sampler.start()
        self._samplers[guest] = sampler

    def stop_sampling(self, guest: str) -> None:
        if guest in self._samplers:
            self._samplers.pop(guest).stop()

    # -- the guest -------------------------------------------------------------------------------------------------

    def guest_state(self, guest: str) -> dict[str, Any]:
        by_hand = self._launcher.find(guest)
        return self._libvirt.state(guest) if by_hand is None else by_hand.state()

    def guest_states(self, guests: list[str]) -> dict[str, dict[str, Any]]:
        """The states of several guests by one call: before each run there are many to look for."""
        return {guest: self.guest_state(guest) for guest in guests}

    def start_guest(self, definition: str, result_path: str) -> None:
        self._libvirt.create(definition, result_path)

    def destroy_guest(self, guest: str) -> list[str]:
        """End a guest; returns the image files that it had."""
        if self._launcher.find(guest) is None:
            return self._libvirt.destroy(guest)
        self._launcher.destroy(guest)
        return []

    def follow_guest(self, guest: str, result_path: str, **how: bool) -> None:
        self.stop_following(guest)
        self._followers[guest] = ResultFollower(guest, result_path, self.notify, **how)

    def stop_following(self, guest: str) -> None:
        if guest in self._followers:
            self._followers.pop(guest).stop()

    def last_words(self, console_path: str) -> str:
        return last_line(console_path)

    def command_guest(self, guest: str, command: str) -> None:
        by_hand = self._launcher.find(guest)
        if by_hand is not None:
            by_hand.send_command(command)
        else:
            self._control_port(guest).send(command)

    def _control_port(self, guest: str) -> ControlPort:
        domain = self._libvirt.domain(guest)
        port = self._control_ports.get(guest)
        if port is None or not port.leads_to(domain):
            if port is not None:
                port.close()
            port = self._control_ports[guest] = ControlPort(self._libvirt.connection, domain)
        return port

    def resume_guest(self, guest: str) -> None:
        """Let a guest run on that an ended migration left paused; harmless when it runs or is not here."""
        by_hand = self._launcher.find(guest)
        if by_hand is not None:
            by_hand.resume_after_migration()
        else:
            self._libvirt.resume_after_migration(guest)

    def pause_guest(self, guest: str, pause_ms: float) -> dict[str, int]:
        """Stop *guest* for a known time.  Its true length lies between the two returned bounds.

        The guest certainly stood from the return of the stop to the call of the resume, and certainly not
        longer than from the call of the stop to the return of the resume.
        """
        stoppable: Any = self._launcher.find(guest) or self._libvirt.domain(guest)
        outer_start_ns = now_ns()
        stoppable.suspend()
        inner_start_ns = now_ns()
        try:
            time.sleep(pause_ms / 1000)
        finally:
            inner_end_ns = now_ns()
            stoppable.resume()
        return {"least_ns": inner_end_ns - inner_start_ns, "most_ns": now_ns() - outer_start_ns}

    def ask_qemu(self, guest: str, command: str) -> Any:
        by_hand = self._launcher.find(guest)
        if by_hand is None:
            return self._libvirt.ask_qemu(guest, command)
        return by_hand.client.execute(command)

    def describe_guest(self, guest: str) -> dict[str, Any]:
        return describe(self._libvirt.domain(guest))

    def measure_dirtied(self, guest: str, seconds: int, mode: str) -> float:
        return measure(self._libvirt.connection, self._libvirt.domain(guest), seconds, mode)

    # -- its disks -------------------------------------------------------------------------------------------------

    @property
    def _disks(self) -> GuestDisks:
        if self._guest_disks is None:
            self._guest_disks = GuestDisks(self._libvirt)
        return self._guest_disks

    def make_own_disk(self, path: str, virtual_bytes: int, allocated_bytes: int) -> None:
        make_own_disk(path, virtual_bytes, allocated_bytes)

    def discard_disk(self, path: str) -> None:
        discard_disk(path)

    def free_mib(self, folder: str) -> int:
        return free_mib(Path(folder))

    def leave_mark(self, folder: str) -> str | None:
        return leave_mark(folder)

    def has_mark(self, folder: str, mark: str) -> bool:
        return has_mark(folder, mark)

    def remove_mark(self, folder: str, mark: str) -> None:
        remove_mark(folder, mark)

    def describe_disks(self, guest: str) -> dict[str, Any]:
        return self._disks.describe(guest)

    def make_disks(self, guest: str, uuid: str, disks: list[dict[str, Any]]) -> None:
        self._disks.make(guest, uuid, disks)

    def settle_disks(self, guest: str) -> str:
        return self._disks.settle(guest)

    def note_left_disks(self, guest: str, uuid: str, disks: list[dict[str, Any]]) -> None:
        self._disks.note_left(guest, uuid, disks)

    # -- the migration ---------------------------------------------------------------------------------------------

    def migrate(self, guest: str, request: dict[str, Any]) -> None:
        """Begin a migration through libvirt."""
        self._libvirt.take_completed(guest)
        self._begin(guest, LibvirtMover(self._libvirt.domain(guest), request), request)

    def _begin(self, guest: str, mover: Mover, request: dict[str, Any]) -> None:
        """Begin a migration, of whichever level."""
        witness = Witness(guest, lambda command: self.ask_qemu(guest, command))
        migration = Migration(guest, mover, request, self.notify, witness)
        self._migrations[guest] = migration
        migration.start()

    def abort_migration(self, guest: str, reason: str) -> None:
        if guest in self._migrations:
            self._migrations[guest].abort(reason)

    def completed_statistics(self, guest: str) -> dict[str, Any] | None:
        by_hand = self._launcher.find(guest)
        if by_hand is not None:
            return by_hand.completed
        raw = self._libvirt.take_completed(guest)
        return None if raw is None else named_statistics(raw)

    def _on_event(self, guest: str, event: str, at_ns: int, data: Mapping[str, Any]) -> None:
        """Told of each event of each guest's QEMU, in a thread that must not wait for QEMU."""
        self.notify("event", at_ns=at_ns, guest=guest, event=event, data=data)
        if event == "MIGRATION" and guest in self._faults:
            self._faults[guest].note_status(data["status"])
        if event == "MIGRATION_PASS" and self._launcher.knows(guest):
            self._on_pass(guest)

    def _on_pass(self, guest: str) -> None:
        if guest in self._migrations:
            self._migrations[guest].note_pass()

    # -- the link --------------------------------------------------------------------------------------------------

    def shape_link(self, interface: str, rate_mbit_per_second: float) -> None:
        """Limit what this host sends on an interface, until it is unshaped or this session ends."""
        self.unshape_link(interface)
        self._link_limits[interface] = LinkLimit(interface, rate_mbit_per_second)

    def unshape_link(self, interface: str) -> None:
        if interface in self._link_limits:
            self._link_limits.pop(interface).lift()

    # -- faults ----------------------------------------------------------------------------------------------------

    def arm_fault(self, guest: str, request: dict[str, Any]) -> None:
        """Have a fault strike at a moment of the guest's next migration; see :class:`.Fault`."""
        self.disarm_fault(guest)
        self._faults[guest] = Fault(guest, request, self.notify)

    def disarm_fault(self, guest: str) -> None:
        if guest in self._faults:
            self._faults.pop(guest).disarm()

    # -- load beside a migration -----------------------------------------------------------------------------------

    def load_processors(self, percent: float) -> None:
        self._loads["cpu"] = busy_processors(percent)

    def send_load(self, address: str, port: int, source_address: str, mbit_per_second: float) -> None:
        self._loads["sent"] = stream_out(address, port, source_address, mbit_per_second)

    def receive_load(self, address: str, port: int) -> None:
        self._loads["received"] = stream_in(address, port)

    def stop_loads(self) -> dict[str, Any]:
        """``{"cpu_percent", "sent", "received"}`` of the loads that were under way; harmless without any."""
        loads, self._loads = self._loads, {}
        found: dict[str, Any] = {name: next(iter(load.stop()), None) for name, load in loads.items() if name != "cpu"}
        if "cpu" in loads:
            shares = [worker["share"] for worker in loads["cpu"].stop()]
            found["cpu_percent"] = round(100 * sum(shares) / max(1, len(shares)), 1)
        return found


def main() -> None:
    """Serve the controller on standard input and output."""
    Session(sys.stdout.buffer).serve(sys.stdin.buffer)
