# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The one error of a build."""

from __future__ import annotations


class BuildError(Exception):
    """What was found, what was needed and what to set, in one sentence; `log` is the end of what the step printed."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log
