# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Patches are applied in their order, whole or not at all, and what does not fit is named."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._patches import Patch, apply_patches

GOOD = Patch("0001-greet.patch", "--- a/hello.c\n+++ b/hello.c\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n")
THEN = Patch("0002-count.patch", "--- a/hello.c\n+++ b/hello.c\n@@ -1,3 +1,3 @@\n one\n zwei\n-three\n+drei\n")
FOREIGN = Patch("0003-foreign.patch", "--- a/gone.c\n+++ b/gone.c\n@@ -1 +1 @@\n-x\n+y\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "hello.c").write_text("one\ntwo\nthree\n")
    return tmp_path


def test_patches_are_applied_in_their_order(tree: Path) -> None:
    apply_patches(tree, [GOOD, THEN])
    assert (tree / "hello.c").read_text() == "one\nzwei\ndrei\n"
    assert sorted(path.name for path in tree.iterdir()) == ["hello.c"]


def test_the_hunk_that_does_not_fit_is_named(tree: Path) -> None:
    with pytest.raises(BuildError, match=r"0002-count\.patch does not apply \(hunk 1 of hello\.c at line 1\)"):
        apply_patches(tree, [THEN, GOOD])
    assert (tree / "hello.c").read_text() == "one\ntwo\nthree\n"


def test_a_patch_for_another_source_is_named(tree: Path) -> None:
    with pytest.raises(BuildError, match=r"0003-foreign\.patch does not apply \(can't find file to patch"):
        apply_patches(tree, [FOREIGN])


def test_a_patch_is_known_by_its_text() -> None:
    assert GOOD.sha256 == Patch("another name", GOOD.text).sha256 != THEN.sha256


def test_a_builder_without_patch_is_told_so(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(BuildError, match="the builder has no command patch: install it there"):
        apply_patches(tree, [GOOD])


def test_a_patch_that_does_not_end_is_told_of_in_a_sentence(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never_ends(command: list[str], **_given: Any) -> None:
        raise subprocess.TimeoutExpired(command, 120)

    # Reality has no patch that takes two minutes.
    monkeypatch.setattr(subprocess, "run", never_ends)
    with pytest.raises(BuildError, match=r"the patch 0001-greet\.patch was not applied after 120 s: see what"):
        apply_patches(tree, [GOOD])
