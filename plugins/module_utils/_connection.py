# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's end of the agent: one SSH connection to one host.

The agent's package travels as a zip archive down the connection and is run from an anonymous file in the host's
memory, so nothing is installed and nothing stays.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shlex
import subprocess
import threading
import time
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from typing import IO, Any, Mapping, Sequence, cast

from ansible_collections.stsm.live_migration.plugins.module_utils._agent_modules import AGENT
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of

# Reads the archive's length and the archive, then leaves standard input to the agent.
_BOOTSTRAP = (
    "import os,sys;r=sys.stdin.buffer;n=int(r.readline());"
    "f=os.memfd_create('agent');os.write(f,r.read(n));sys.path.insert(0,'/proc/self/fd/%d'%f);"
    "from stsm_agent._session import main;main()"
)
# So many at least, and more while a busy host answers too late to be of use.
_CLOCK_EXCHANGES, _MOST_CLOCK_EXCHANGES = 20, 200
_GOOD_BOUND_NS = 1_000_000


@dataclass(frozen=True)
class Host:
    """A hypervisor as the inventory describes it."""

    name: str
    address: str
    migration_address: str
    user: str = "root"
    port: int = 22
    migration_interface: str = "migration"
    tenant_bridge: str = "tenant0"
    libvirt_name: str = ""
    # 0: the one that libvirt takes for the transport.
    libvirt_port: int = 0
    libvirt_transport: str = "tls"
    emulator: str = ""
    # Where hosts that share their guests' images have them (the role shared_storage).
    shared_folder: str = "/var/lib/stsm-live-migration/shared"
    python: str = "/usr/bin/python3"
    ssh_arguments: Sequence[str] = ()
    concessions: Sequence[str] = ()

    def ssh_command(self) -> list[str]:
        """The command that starts the agent's bootstrap on this host."""
        remote = f"{self.python} -u -c {shlex.quote(_BOOTSTRAP)}"
        if self.user != "root":
            remote = "sudo -n " + remote
        # Not shared with others: such a connection is theirs to watch, and a host that died would go unseen.
        own = ["-o", "ControlPath=none"]
        options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", *own, "-T"]
        return ["ssh", *options, *self.ssh_arguments, "-p", str(self.port), f"{self.user}@{self.address}", remote]


@dataclass(frozen=True)
class ClockOffset:
    """observer clock = host clock + *offset_ns*, right within *bound_ns*."""

    offset_ns: int
    bound_ns: int


@dataclass
class _Waiter:
    done: threading.Event = field(default_factory=threading.Event)
    reply: dict[str, Any] = field(default_factory=dict)


class HostConnection:
    """Calls and notices of one agent.  Use as a context manager: leaving it ends the agent."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.clock = ClockOffset(0, 0)
        self._ids = itertools.count(1)
        self._waiters: dict[int, _Waiter] = {}
        self._notices: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._changed = threading.Condition()
        self._closed = False
        self._process = subprocess.Popen(
            host.ssh_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C at the terminal must reach the run first, which then ends the agents in good order.
            start_new_session=True,
        )
        self._requests: IO[bytes] = cast(Any, self._process.stdin)
        self._replies: IO[bytes] = cast(Any, self._process.stdout)
        self._complaints: IO[bytes] = cast(Any, self._process.stderr)
        self._last_words: str | None = None
        self._reader = threading.Thread(target=self._read, name=f"agent-{host.name}", daemon=True)
        self._reader.start()
        archive = agent_archive()
        self._send(str(len(archive)).encode() + b"\n" + archive)

    def __enter__(self) -> HostConnection:
        try:
            self.measure_clock()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self, timeout_seconds: float = 150) -> None:
        """End the agent; it settles what it still has under way before it goes."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(self, name: str, timeout_seconds: float = 30, **arguments: Any) -> Any:
        """Call *name* on the host and wait for its result; raises InstrumentError with the host's sentence."""
        return self.finish(self.begin(name, **arguments), name, timeout_seconds)

    def begin(self, name: str, **arguments: Any) -> _Waiter:
        """Send a call without waiting for its answer, which :meth:`finish` fetches."""
        identifier = next(self._ids)
        waiter = _Waiter()
        with self._changed:
            self._raise_if_closed()
            self._waiters[identifier] = waiter
        request = {"id": identifier, "call": name, "arguments": arguments}
        self._send(json.dumps(request).encode() + b"\n")
        return waiter

    def finish(self, waiter: _Waiter, name: str, timeout_seconds: float = 30) -> Any:
        if not waiter.done.wait(timeout_seconds):
            raise InstrumentError(f"{self.host.name} did not answer {name} within {timeout_seconds:g} s.")
        if "error" in waiter.reply:
            raise InstrumentError(f"{self.host.name}: {waiter.reply['error']}")
        return waiter.reply.get("result")

    def measure_clock(self) -> ClockOffset:
        """Exchange time stamps and keep the tightest bound on this host's clock offset."""
        self.clock = self._exchange_clocks()
        for exchange in range(1, _MOST_CLOCK_EXCHANGES):
            if exchange >= _CLOCK_EXCHANGES and self.clock.bound_ns <= _GOOD_BOUND_NS:
                break
            self.clock = min(self.clock, self._exchange_clocks(), key=lambda offset: offset.bound_ns)
        return self.clock

    def _exchange_clocks(self) -> ClockOffset:
        sent_ns = time.monotonic_ns()
        there_ns = self.call("clock")
        bound_ns = (time.monotonic_ns() - sent_ns + 1) // 2
        return ClockOffset(sent_ns + bound_ns - there_ns, bound_ns)

    # -- notices ---------------------------------------------------------------------------------------------------

    def notices(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """All notices of *kind* so far whose fields match, oldest first, their ``at_ns`` on the observer's clock."""
        with self._changed:
            return [self._on_observer_clock(notice) for notice in self._notices[kind] if _matches(notice, fields)]

    def forget(self, *kinds: str, **fields: Any) -> None:
        """Drop the notices of *kinds* whose fields match, so that a new run sees only its own."""
        with self._changed:
            for kind in kinds:
                self._notices[kind] = [notice for notice in self._notices[kind] if not _matches(notice, fields)]

    def wait_for(self, kind: str, timeout_seconds: float, **fields: Any) -> Mapping[str, Any] | None:
        """The first notice of *kind* whose fields match; None if it has not come in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                for notice in self._notices[kind]:
                    if _matches(notice, fields):
                        return self._on_observer_clock(notice)
                self._raise_if_closed()
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._changed.wait(min(remaining, 0.5)) and time.monotonic() >= deadline:
                    return None

    def _on_observer_clock(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: value + self.clock.offset_ns
            if key in ("at_ns", "start_ns", "end_ns", "switch_requested_ns") and value
            else value
            for key, value in notice.items()
            if key != "notice"
        }

    # -- the wire --------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        try:
            self._requests.write(data)
            self._requests.flush()
        except (BrokenPipeError, ValueError):
            self._reader.join(5)
            raise InstrumentError(self._parting_words()) from None

    def _read(self) -> None:
        try:
            for line in self._replies:
                self._receive(json.loads(line))
        except ValueError:
            self._last_words = (
                f"the host said {line[:80].decode(errors='replace').strip()!r} where its agent was expected"
            )
        finally:
            words = {"error": self._parting_words()}
            with self._changed:
                self._closed = True
                for waiter in self._waiters.values():
                    waiter.reply = words
                    waiter.done.set()
                self._changed.notify_all()

    def _receive(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "notice" in message:
                self._notices[message["notice"]].append(message)
            else:
                waiter = self._waiters.pop(message["id"])
                waiter.reply = message
                waiter.done.set()
            self._changed.notify_all()

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise InstrumentError(self._parting_words())

    def _parting_words(self) -> str:
        """Why the connection ended, in SSH's or the agent's last words."""
        if self._last_words is None:
            lines = self._complaints.read().decode(errors="replace").strip().splitlines()
            self._last_words = lines[-1] if lines else "no reason given"
        return (
            f"The connection to {self.host.name} ({self.host.user}@{self.host.address} port {self.host.port}) "
            f"ended: {self._last_words}"
        )


def _matches(notice: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return all(notice.get(key) == value for key, value in fields.items())


def agent_archive() -> bytes:
    """The agent's package as a zip archive in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stsm_agent/__init__.py", "")
        for module in AGENT:
            name = module.__name__.rpartition(".")[2]
            archive.writestr(f"stsm_agent/{name}.py", source_of(module))
    return buffer.getvalue()
