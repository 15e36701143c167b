# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resumes a post-copy of libvirt that has broken: until it goes on, its guest lacks the pages that are still here."""

from __future__ import annotations

import time
from typing import Any, Callable

from ._binding import libvirt

_RETRY_SECONDS = 1.0


class Recovery:
    """Of one migration of *domain*; *resume* is one more attempt and returns libvirt's refusal or None.

    *errors* holds what each attempt came to, the last one None if the guest has moved after all.
    """

    def __init__(
        self,
        domain: Any,
        resume: Callable[[], str | None],
        limit_seconds: float,
        is_given_up: Callable[[], bool],
    ) -> None:
        self.errors: list[str | None] = []
        self._domain = domain
        self._resume = resume
        self._limit_seconds = limit_seconds
        self._is_given_up = is_given_up

    def mend(self, error: str | None) -> str | None:
        """Resume until it succeeds, the time is up or nobody waits any more; returns the last error."""
        deadline = time.monotonic() + self._limit_seconds
        while error and self._is_broken() and time.monotonic() < deadline and not self._is_given_up():
            error = self._resume()
            self.errors.append(error)
            if error:
                time.sleep(_RETRY_SECONDS)
        return error

    def _is_broken(self) -> bool:
        try:
            state: list[int] = self._domain.state()
        except libvirt.libvirtError:
            return False
        return state == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED]
