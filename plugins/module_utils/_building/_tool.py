# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Short-lived tools of the builder."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run

# A whole source is fetched and unpacked in that.
_TIMEOUT_SECONDS = 1800


def run_tool(argv: Sequence[str], failed: str, stdin: str | None = None) -> str:
    """Run a tool and return its standard output; BuildError is *failed*, with what the tool said last."""
    try:
        return run(argv, timeout_seconds=_TIMEOUT_SECONDS, stdin=stdin, failed=failed)
    except MachineError as error:
        raise BuildError(str(error)) from error
