# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Start and end of the package relay, the program that hosts without any route get their packages through."""

from __future__ import annotations

import hashlib
import json
import pwd
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _archives, _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _relay_address, _service

# The user that apt itself fetches as; it exists on every Debian.
_USER = "_apt"
_START_TIMEOUT_SECONDS = 10.0
_PROGRAM = "package_relay.py"
_CONFIGURATION = "package_relay.json"


@dataclass(frozen=True)
class Relay:
    """`source` is the program's text, `address` that of the management bridge."""

    prefix: str
    source: str
    address: str
    cache_folder: Path
    state_folder: Path

    def configuration(self) -> str:
        archives: dict[str, str] = {name: archive.uri for name, archive in _archives.read_archives().items()}
        content = {
            "address": self.address,
            "port": _relay_address.PORT,
            "cache_folder": str(self.cache_folder),
            "archives": archives,
            "program": hashlib.sha256(self.source.encode()).hexdigest(),
        }
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


def folder_of(prefix: str, state_folder: Path) -> Path:
    """The relay's program, configuration and log."""
    return state_folder / f"{prefix}-package-relay"


def processes(prefix: str, state_folder: Path) -> list[int]:
    return _service.find(_PROGRAM, str(folder_of(prefix, state_folder) / _CONFIGURATION))


def is_current(relay: Relay) -> bool:
    """Whether the relay runs, and with this program and configuration."""
    if not processes(relay.prefix, relay.state_folder):
        return False
    kept = folder_of(relay.prefix, relay.state_folder) / _CONFIGURATION
    return kept.read_text(encoding="utf-8") == relay.configuration()


def start(relay: Relay) -> None:
    """(Re)start the relay and wait until it answers."""
    stop(relay.prefix, relay.state_folder)
    folder = folder_of(relay.prefix, relay.state_folder)
    relay.cache_folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(str(relay.cache_folder), _USER)
    _paths.write_file(folder / _PROGRAM, relay.source, 0o755)
    _paths.write_file(folder / _CONFIGURATION, relay.configuration())
    group = str(pwd.getpwnam(_USER).pw_gid)
    argv = ["setpriv", f"--reuid={_USER}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
    argv += ["/usr/bin/python3", str(folder / _PROGRAM), str(folder / _CONFIGURATION)]
    log = folder / "log"
    _service.start(_unit(relay.prefix), argv, log, (), {})
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not _answers(relay.address):
        if time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["it printed nothing"]
            raise MachineError(
                f"the package relay does not answer at {relay.address} port {_relay_address.PORT}: {lines[-1]}"
            )
        time.sleep(0.05)


def stop(prefix: str, state_folder: Path) -> None:
    survivors = _service.stop(processes(prefix, state_folder), [signal.SIGTERM, signal.SIGKILL], 3.0)
    if survivors:
        raise MachineError(f"the package relay (process {survivors[0]}) does not end, not even by SIGKILL")
    _service.forget(_unit(prefix))


def remove(prefix: str, state_folder: Path) -> None:
    """Delete what a stopped relay leaves; its cache of packages stays."""
    _paths.remove_folder(folder_of(prefix, state_folder))


def _unit(prefix: str) -> str:
    return f"{prefix}-package-relay.service"


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, _relay_address.PORT), timeout=1.0):
            return True
    except OSError:
        return False
