# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The parts of the guest program that need no guest, built with sanitizers and run on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

_SOURCES = Path(__file__).parent / "hosted"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the test program; a warning is an error."""
    build = tmp_path_factory.mktemp("hosted")
    done = subprocess.run(["make", "-C", _SOURCES, f"BUILD={build}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return build / "hosted"


def _names() -> list[str]:
    """Names of the tests, as the C files register them."""
    lines = (line.strip() for path in sorted(_SOURCES.glob("test_*.c")) for line in path.read_text().splitlines())
    return [line[len("HOSTED_TEST(") : -2] for line in lines if line.startswith("HOSTED_TEST(")]


@pytest.mark.parametrize("name", _names())
def test_hosted(program: Path, name: str) -> None:
    done = subprocess.run([program, name], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_all_hosted_tests_are_run(program: Path) -> None:
    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == sorted(_names())
