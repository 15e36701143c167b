# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What the role kernel proves of a kernel, tried on the one that the tests run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = Path(__file__).parents[4] / "roles/kernel/files/userfaultfd_probe.py"
LENT = Path("/proc/sys/vm/nr_overcommit_hugepages")
MODES = ("missing", "write_protect", "minor_shmem", "minor_hugetlb")


@pytest.mark.skipif(os.geteuid() != 0, reason="page faults of the kernel are handed over to root alone")
def test_each_mode_is_proven_by_its_effect_or_refused_with_a_reason() -> None:
    before = LENT.read_text() if LENT.exists() else None
    done = subprocess.run([sys.executable, PROBE], check=True, capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    assert found["release"] == os.uname().release
    for mode in MODES:
        tried = found[mode]
        assert tried["latency_us"] > 0 if tried["supported"] else tried["reason"], mode
        assert mode in found["summary"]
    # Minor faults are of kernels with missing ones.
    assert found["missing"]["supported"] or not found["minor_shmem"]["supported"]
    assert (LENT.read_text() if LENT.exists() else None) == before
