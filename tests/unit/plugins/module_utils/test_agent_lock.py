# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement at a time on a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._lock import HostLock


def test_second_run_is_told_who_holds_the_host(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    first, second = HostLock(path), HostLock(path)
    first.acquire("ada@observer (process 7)")
    with pytest.raises(AgentError, match=r"being measured by ada@observer \(process 7\)"):
        second.acquire("bob@observer")
    first.release()
    second.acquire("bob@observer")
    second.release()
