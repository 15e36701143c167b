# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The error of a build."""

from __future__ import annotations

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError


class BuildError(MachineError):
    """What was found, what was needed and what to set, in one sentence; `log` is the end of what the step printed."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log
