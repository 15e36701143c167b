# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration link, cut for a while: nothing passes, and nobody is told, as when a switch loses its power."""

from __future__ import annotations

import contextlib
import inspect
import json
import shutil
import subprocess
import sys

from . import _restorer
from ._errors import AgentError

_TABLE = "inet stsm_fault"
_RESTORE_SECONDS = 20
# The kernel itself lets the interface go when its time is over, whatever has become of this process and its restorer.
_RULES = """
table {table}
delete table {table}
table {table} {{
    set cut {{ type ifname; flags timeout; elements = {{ "{interface}" timeout {milliseconds}ms }} }}
    chain input {{ type filter hook input priority -400; policy accept; iifname @cut drop; }}
    chain output {{ type filter hook output priority -400; policy accept; oifname @cut drop; }}
}}
"""


class LinkCut:
    """*interface* cut from the making of this until *seconds* are over, :meth:`heal`, or the end of this process."""

    def __init__(self, interface: str, seconds: float) -> None:
        nft = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if nft is None:
            raise AgentError("The host has no nft, by which its link is cut: install the package nftables there.")
        restore = [[nft, "delete", "table", *_TABLE.split()]]
        self._restorer = subprocess.Popen(
            [sys.executable, "-c", inspect.getsource(_restorer), json.dumps(restore)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # What ends the agent must not end what cleans up after it.
            start_new_session=True,
        )
        rules = _RULES.format(table=_TABLE, interface=interface, milliseconds=round(seconds * 1000))
        done = subprocess.run([nft, "-f", "-"], input=rules, capture_output=True, text=True, check=False)
        if done.returncode:
            with contextlib.suppress(AgentError):
                self.heal()
            words = done.stderr.strip().splitlines() or ["no reason given"]
            raise AgentError(f"The link of {interface} could not be cut ({words[0]}): check that the host may use nft.")

    def heal(self) -> None:
        """Let everything pass again; harmless if it does already."""
        if self._restorer.poll() is not None:
            return
        _output, complaints = self._restorer.communicate(timeout=_RESTORE_SECONDS)
        if self._restorer.returncode:
            words = complaints.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise AgentError(f"The cut could not be taken back ({words[-1]}): look at it with nft list table {_TABLE}.")
