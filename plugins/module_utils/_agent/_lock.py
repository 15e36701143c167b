# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement at a time on a host."""

from __future__ import annotations

import fcntl
import os

from ._errors import AgentError

LOCK_PATH = "/run/stsm-live-migration.lock"


class HostLock:
    """An advisory lock that names its holder and falls with the process, however that ends."""

    def __init__(self, path: str = LOCK_PATH) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, holder: str) -> None:
        """Take the lock for *holder* (a short text others will read) or raise with who has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(descriptor, 400, 0).decode(errors="replace").strip() or "an unnamed run"
            os.close(descriptor)
            raise AgentError(
                f"This host is being measured by {other}: wait for that run to end, or use other hosts."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless without one."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
