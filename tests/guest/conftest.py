# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest's image, built as the role builds it, and one booted guest for all tests that leave it usable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.machine import Machine

_BUILDER = Path(__file__).parents[2] / "roles" / "workload" / "files" / "image"
_ROLE_CACHE = Path("/var/cache/stsm-live-migration/workload")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with vmlinux, initrd.img and workload.json; kept in the role's own cache where that can be written."""
    cache = _ROLE_CACHE if os.geteuid() == 0 else tmp_path_factory.mktemp("workload")
    command = [sys.executable, "-B", str(_BUILDER), f"--cache={cache}", "--kernel-package=linux-image-cloud-amd64"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["directory"])


@pytest.fixture(scope="session")
def guest(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One guest for many tests: each configures what it needs and leaves the memory right."""
    machine = Machine(image, tmp_path_factory.mktemp("shared"))
    try:
        machine.wait_until_ready()
        yield machine
    finally:
        machine.stop()
