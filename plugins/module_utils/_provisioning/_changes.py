# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What was done, or in check mode would be, in words."""

from __future__ import annotations

from typing import Callable


class Changes:
    """Acts where something is needed, unless it is only to `check`; `made` tells either way."""

    def __init__(self, check: bool) -> None:
        self.check = check
        self.made: list[str] = []

    def do(self, needed: bool, what: str, act: Callable[[], None]) -> None:
        if needed:
            self.made.append(what)
            if not self.check:
                act()
