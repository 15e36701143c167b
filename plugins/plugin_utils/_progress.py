# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module writes to a file on its host, shown on the controller as it comes."""

from __future__ import annotations

import shlex
import threading
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display

_LOOK_SECONDS = 1.0


class Progress:
    """A thread that shows what is added to the file *path* on the connection's host while the context is open."""

    def __init__(self, connection: Any, path: str) -> None:
        self._connection = connection
        self._path = shlex.quote(path)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)
        # What earlier calls said is not shown again.
        self._shown_bytes = len(self._read(0))

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(_LOOK_SECONDS)
            added = self._read(self._shown_bytes)
            # A line that is being written is shown when it is whole.
            whole = added[: added.rfind(b"\n") + 1]
            self._shown_bytes += len(whole)
            for line in whole.decode(errors="replace").splitlines():
                Display().display(line)

    def _read(self, start_bytes: int) -> bytes:
        """What the file holds from here on; nothing where it cannot be read at the moment."""
        command = f"/bin/sh -c {shlex.quote(f'test ! -e {self._path} || tail -c +{start_bytes + 1} {self._path}')}"
        try:
            code, output, _errors = self._connection.exec_command(command, in_data=None, sudoable=False)
        except AnsibleError:
            return b""
        return bytes(output) if code == 0 else b""
