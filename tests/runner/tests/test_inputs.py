# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What changes a part's digest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner._inputs import Inputs, checkout_files
from runner._part import Part

PART = Part(name="part", command=("true",), inputs=("plugins/*",), minutes=1)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("plugins/modules/benchmark.py", "docs/guide.md", "requirements.txt", "results/runs.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text("/results/\n")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def digest(checkout: Path, part: Part = PART) -> str:
    return Inputs(checkout, checkout_files(checkout)).digest(part)


def test_ignored_files_are_no_inputs(checkout: Path) -> None:
    assert checkout_files(checkout) == [
        ".gitignore",
        "docs/guide.md",
        "plugins/modules/benchmark.py",
        "requirements.txt",
    ]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("plugins/modules/benchmark.py", True),
        ("plugins/modules/new.py", True),
        ("requirements.txt", True),
        ("docs/guide.md", False),
        ("results/runs.jsonl", False),
    ],
)
def test_only_inputs_change_the_digest(checkout: Path, name: str, changes: bool) -> None:
    before = digest(checkout)
    (checkout / name).write_text("changed")
    assert (digest(checkout) != before) is changes


def test_a_deleted_input_and_another_command_change_the_digest(checkout: Path) -> None:
    before = digest(checkout)
    assert digest(checkout, Part(name="part", command=("false",), inputs=PART.inputs, minutes=1)) != before
    (checkout / "plugins/modules/benchmark.py").unlink()
    assert digest(checkout) != before
