# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests whose QEMU this agent starts itself, without libvirt, and that end with it at the latest."""

from __future__ import annotations

import inspect
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping

from . import _keeper
from ._errors import AgentError
from ._hand_guest import HandGuest
from ._qemu import account, as_user
from ._qmp import QmpClient

RUNTIME = "/run/stsm-live-migration"
# With the names of the sockets in it, a path longer than this is too long for a socket's address.
_LONGEST_FOLDER = 90
_START_SECONDS = 20.0
_END_SECONDS = 20.0


class Launcher:
    """The guests by name.

    *on_event* is called with a guest's name and each of its QEMU's events: name, time on this host's clock, data.
    """

    def __init__(self, on_event: Callable[[str, str, int, Mapping[str, Any]], None]) -> None:
        self._on_event = on_event
        self._guests: dict[str, HandGuest] = {}
        # How those ended that ended by themselves.
        self._ended: dict[str, str] = {}

    def find(self, name: str) -> HandGuest | None:
        """The guest of a name; None where there is none, or none any more."""
        self._reap(name)
        return self._guests.get(name)

    def knows(self, name: str) -> bool:
        """Whether a guest of that name was started here; unlike :meth:`find` it waits for nothing."""
        return name in self._guests

    def guest(self, name: str) -> HandGuest:
        """The guest of a name; raises AgentError where there is none, and says how it ended."""
        found = self.find(name)
        if found is None:
            ended = f": {self._ended[name]}" if name in self._ended else ""
            raise AgentError(f"The guest {name} has no QEMU on this host that the agent has started{ended}.")
        return found

    def launch(self, name: str, order: Mapping[str, Any]) -> None:
        """Start a guest's QEMU.

        *order* holds ``command``, whose sockets are in the guest's :func:`folder_of`, ``tap`` and ``outputs`` (see
        :mod:`._keeper`), ``description``, and ``incoming``: whether it is to wait for a guest that comes.
        """
        folder = folder_of(name)
        if self.find(name) is not None:
            raise AgentError(f"The guest {name} runs on this host already.")
        self._ended.pop(name, None)
        if len(str(folder)) > _LONGEST_FOLDER:
            raise AgentError(f"{name} is too long for a guest without libvirt: give guest.name fewer letters.")
        if not os.access(order["command"][0], os.X_OK):
            raise AgentError(
                f"There is no program {order['command'][0]} on this host: install QEMU (playbook deploy), or correct "
                "emulator (qemu_binary)."
            )
        if not order["incoming"]:
            for output in order["outputs"]:
                Path(output).unlink(missing_ok=True)
        keeper = _start_keeper(folder, order)
        try:
            client = QmpClient(str(folder / "qmp"), lambda *event: self._on_event_of(name, *event), _START_SECONDS)
            self._guests[name] = HandGuest(name, client, keeper, order["description"], str(folder / "control"))
        except AgentError as error:
            raise AgentError(f"QEMU for the guest {name} did not start ({_last_words(keeper) or error}).") from None

    def destroy(self, name: str) -> None:
        """End a guest at once; harmless if it is not here."""
        guest = self._guests.pop(name, None)
        if guest is not None:
            _last_words(guest.keeper)
            guest.close()

    def destroy_all(self) -> None:
        """End all guests."""
        for name in list(self._guests):
            self.destroy(name)

    def _reap(self, name: str) -> None:
        """Forget a guest whose QEMU has ended, but how."""
        guest = self._guests.get(name)
        if guest is not None and guest.client.has_ended:
            del self._guests[name]
            guest.close()
            self._ended[name] = _last_words(guest.keeper) or "it ended"

    def _on_event_of(self, name: str, event: str, at_ns: int, data: Mapping[str, Any]) -> None:
        if name in self._guests:
            self._guests[name].note_event(event, data)
        self._on_event(name, event, at_ns, data)


def folder_of(guest: str) -> Path:
    """Where the sockets of a guest's QEMU are."""
    return Path(RUNTIME) / guest


def _start_keeper(folder: Path, order: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    user = account()
    kept = {
        "folder": str(folder),
        "owner": [user.pw_uid, user.pw_gid],
        "tap": order["tap"],
        "outputs": order["outputs"],
        "command": as_user(list(order["command"])),
    }
    keeper = subprocess.Popen(
        [*_own_scope(), sys.executable, "-c", inspect.getsource(_keeper), json.dumps(kept)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What ends the agent must not end what cleans up after it.
        start_new_session=True,
    )
    if not select.select([keeper.stdout], [], [], _START_SECONDS)[0]:
        keeper.kill()
        raise AgentError(f"QEMU could not be started within {_START_SECONDS:g} s: the host is too busy.")
    said: Any = keeper.stdout
    if said.readline().strip() != b"ready":
        raise AgentError(f"QEMU could not be started: {_last_words(keeper) or 'no reason given'}")
    return keeper


def _own_scope() -> list[str]:
    """What puts a process apart from the connection's session, whose end would otherwise wait for it."""
    if not Path("/run/systemd/system").exists():
        return []
    return ["systemd-run", "--scope", "--quiet", "--collect", "--description=QEMU of stsm.live_migration", "--"]


def _last_words(keeper: subprocess.Popen[bytes]) -> str:
    """Let go of a keeper, which ends QEMU, and return what it or QEMU said last and how that ended."""
    output, complaints = keeper.communicate(timeout=_END_SECONDS)
    lines = output.decode(errors="replace").strip().splitlines()
    try:
        found = json.loads(lines[-1])
        status, said = int(found["status"]), str(found["said"])
    except (IndexError, ValueError, TypeError, KeyError):
        words = complaints.decode(errors="replace").strip().splitlines()
        return words[-1] if words else ""
    how = f"signal {-status} ended it" if status < 0 else f"it ended with status {status}"
    return f"{how}, saying: {said}" if said else how
