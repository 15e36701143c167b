# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's main loop: calls in, results and notices out, and a clean end when the connection goes."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from typing import Any, BinaryIO, Callable
from urllib.parse import urlsplit

from ._binding import libvirt
from ._clock import now_ns
from ._errors import AgentError
from ._facts import gather
from ._guest_channel import ResultFollower, last_line, send_command
from ._hypervisor import Hypervisor
from ._link import LinkReceiver, send_stream
from ._lock import HostLock
from ._migration import Migration, named_statistics
from ._permission import post_copy_permission
from ._samples import Sampler

_SETTLE_SECONDS = 120
_PEER_SECONDS = 5
_LIBVIRT_PORTS = {"qemu+tls": 16514, "qemu+tcp": 16509}


class Session:
    """What one controller may ask of this host; every public method is a call of the wire protocol."""

    def __init__(self, replies: BinaryIO) -> None:
        self._replies = replies
        self._write_lock = threading.Lock()
        self._host_lock = HostLock()
        self._hypervisor: Hypervisor | None = None
        self._migration: Migration | None = None
        self._migrating_guest = ""
        self._sampler: Sampler | None = None
        self._follower: ResultFollower | None = None
        self._receiver: LinkReceiver | None = None

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
        call: Callable[..., Any] | None = None if name.startswith("_") else getattr(self, name, None)
        if call is None:
            return {"error": f"The agent has no call {name}: controller and agent differ in version."}
        try:
            return {"result": call(**arguments)}
        except AgentError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": f"{name} failed on the host with {type(error).__name__}: {error}."}

    def settle(self) -> None:
        """Leave no job, no sampler and no paused guest behind."""
        if self._migration is not None:
            self._migration.abort("interrupted")
            self._migration.join(_SETTLE_SECONDS)
            self._libvirt.resume_after_migration(self._migrating_guest)
        self.stop_sampling()
        self.stop_following()
        self._host_lock.release()

    # -- the host --------------------------------------------------------------------------------------------------

    @property
    def _libvirt(self) -> Hypervisor:
        if self._hypervisor is None:
            self._hypervisor = Hypervisor(self.notify, self._on_pass)
        return self._hypervisor

    def clock(self) -> int:
        return now_ns()

    def facts(self, interface: str) -> dict[str, Any]:
        return gather(self._libvirt.connection, interface)

    def post_copy_permission(self) -> dict[str, Any]:
        return post_copy_permission()

    def lock(self, holder: str) -> None:
        self._host_lock.acquire(holder)

    def start_sampling(self, interface: str, guest: str) -> None:
        sampler = Sampler(self.notify, interface, guest)
        sampler.start()
        self._sampler = sampler

    def stop_sampling(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()
            self._sampler = None

    # -- the guest -------------------------------------------------------------------------------------------------

    def guest_state(self, guest: str) -> dict[str, Any]:
        return self._libvirt.state(guest)

    def start_guest(self, definition: str, result_path: str) -> None:
        self._libvirt.create(definition, result_path)

    def destroy_guest(self, guest: str) -> None:
        self._libvirt.destroy(guest)

    def follow_guest(self, result_path: str) -> None:
        self.stop_following()
        self._follower = ResultFollower(result_path, self.notify)

    def stop_following(self) -> None:
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def last_words(self, result_path: str) -> str:
        return last_line(result_path + ".console")

    def command_guest(self, guest: str, command: str) -> None:
        send_command(self._libvirt.connection, self._libvirt.domain(guest), command)

    def resume_guest(self, guest: str) -> None:
        """Let a guest run on that an ended migration left paused; harmless when it runs or is not here."""
        self._libvirt.resume_after_migration(guest)

    def pause_guest(self, guest: str, pause_ms: float) -> dict[str, int]:
        """Stop *guest* for a known time.  Its true length lies between the two returned bounds.

        The guest certainly stood from the return of the stop to the call of the resume, and certainly not
        longer than from the call of the stop to the return of the resume.
        """
        domain = self._libvirt.domain(guest)
        outer_start_ns = now_ns()
        domain.suspend()
        inner_start_ns = now_ns()
        try:
            time.sleep(pause_ms / 1000)
        finally:
            inner_end_ns = now_ns()
            domain.resume()
        return {"least_ns": inner_end_ns - inner_start_ns, "most_ns": now_ns() - outer_start_ns}

    def ask_qemu(self, guest: str, command: str) -> dict[str, Any]:
        return self._libvirt.ask_qemu(guest, command)

    # -- the migration ---------------------------------------------------------------------------------------------

    def migrate(self, guest: str, request: dict[str, Any]) -> None:
        self._libvirt.take_completed(guest)
        self._migrating_guest = guest
        self._migration = Migration(self._libvirt.domain(guest), request, self.notify)
        self._migration.start()

    def abort_migration(self, reason: str) -> None:
        if self._migration is not None:
            self._migration.abort(reason)

    def completed_statistics(self, guest: str) -> dict[str, Any] | None:
        raw = self._libvirt.take_completed(guest)
        return None if raw is None else named_statistics(raw)

    def _on_pass(self, guest: str, number: int) -> None:
        if self._migration is not None and guest == self._migrating_guest:
            self._migration.note_pass(number)

    # -- the link --------------------------------------------------------------------------------------------------

    def listen_link(self, address: str, port: int) -> None:
        self._receiver = LinkReceiver(address, port)

    def receive_link(self, patience_seconds: float) -> float:
        if self._receiver is None:
            raise AgentError("receive_link came before listen_link.")
        try:
            return self._receiver.measure(patience_seconds)
        finally:
            self._receiver.close()
            self._receiver = None

    def send_link(self, address: str, port: int, source_address: str, duration_seconds: float) -> None:
        send_stream(address, port, source_address, duration_seconds)

    # -- TLS -------------------------------------------------------------------------------------------------------

    def open_peer(self, destination_uri: str) -> str:
        """Prove that this host's libvirt may talk to the peer's; returns the peer's host name."""
        address = urlsplit(destination_uri)
        port = _LIBVIRT_PORTS[address.scheme]
        try:
            # libvirt would wait for minutes for a peer whose packet filter says nothing.
            socket.create_connection((address.hostname, port), _PEER_SECONDS).close()
        except OSError as error:
            raise AgentError(
                f"{address.hostname} port {port}, where its libvirt should listen, cannot be reached ({error}): check "
                "that libvirt listens there and that the packet filter admits this host."
            ) from None
        try:
            peer = libvirt.open(destination_uri)
        except libvirt.libvirtError as error:
            raise AgentError(f"libvirt here cannot open {destination_uri}: {error}.") from None
        try:
            name: str = peer.getHostname()
            return name
        finally:
            peer.close()


def main() -> None:
    """Serve the controller on standard input and output."""
    Session(sys.stdout.buffer).serve(sys.stdin.buffer)
