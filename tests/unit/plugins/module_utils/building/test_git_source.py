# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A commit is checked out whole or refused by name, and what opens a repository is never shown."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._git_source import (
    GitSource,
    credentials_of,
    without_credentials,
)

SECRET = "hunter%402"


def commit(repository: Path, *files: str) -> str:
    """Commit *files* in a new repository, and what is staged there; return the commit."""
    git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@invalid"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    for name in files:
        (repository / name).write_text("int main;\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=first"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def nested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitSource:
    """A commit with two submodules, whose repositories lie beside its own."""
    # Only a test has submodules on the same disk, which git does not trust.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    commit(tmp_path / "keymaps", "keymap.c")
    commit(tmp_path / "firmware", "rom.c")
    commit(tmp_path / "whole", "main.c")
    for name in ("keymaps", "firmware"):
        command = ["git", "-C", str(tmp_path / "whole"), "submodule", "--quiet", "add", f"../{name}", f"parts/{name}"]
        subprocess.run(command, check=True)
    return GitSource(str(tmp_path / "whole"), commit(tmp_path / "whole"), "0.1")


def test_a_commit_is_checked_out(tmp_path: Path) -> None:
    source = GitSource(str(tmp_path / "repository"), commit(tmp_path / "repository", "main.c"), "0.1")
    source.unpack(tmp_path / "tree")
    assert (tmp_path / "tree/main.c").is_file()
    with pytest.raises(BuildError, match="has no commit 0+ to fetch"):
        GitSource(source.repository, "0" * 40, "0.1").unpack(tmp_path / "other")


def test_submodules_are_refused_by_name_unless_they_are_asked_for(nested: GitSource, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"has submodules \(parts/firmware, parts/keymaps\).* set submodules"):
        nested.unpack(tmp_path / "tree")


def test_just_the_submodules_that_are_asked_for_are_checked_out(nested: GitSource, tmp_path: Path) -> None:
    chosen = GitSource(nested.repository, nested.commit, "0.1", ("parts/keymaps",))
    chosen.unpack(tmp_path / "tree")
    assert (tmp_path / "tree/parts/keymaps/keymap.c").is_file()
    assert not (tmp_path / "tree/parts/firmware/rom.c").exists()
    none = GitSource(nested.repository, nested.commit, "0.1", ())
    none.unpack(tmp_path / "bare")
    assert (tmp_path / "bare/main.c").is_file()
    assert none.identity() == nested.identity() != chosen.identity()


def test_a_submodule_that_there_is_not_is_named(nested: GitSource, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"has no submodule parts/roms: set submodules of the source to some of p"):
        GitSource(nested.repository, nested.commit, "0.1", ("parts/roms",)).unpack(tmp_path / "tree")


@pytest.mark.parametrize("userinfo", [f"reader:{SECRET}", SECRET])
def test_credentials_are_neither_shown_nor_kept(userinfo: str, tmp_path: Path) -> None:
    # The port that discards everything: nobody listens there.
    source = GitSource(f"https://{userinfo}@127.0.0.1:9/linux.git", "1" * 40, "0.1")
    with pytest.raises(BuildError, match=r"https://\*\*\*@127\.0\.0\.1:9/linux\.git has no commit") as refused:
        source.unpack(tmp_path / "tree")
    shown = [str(refused.value), str(refused.value.__cause__), str(source.identity())]
    assert not [text for text in shown if SECRET in text or "hunter@2" in text]


def test_what_is_hidden_is_the_secret_and_nothing_else() -> None:
    assert credentials_of(f"https://reader:{SECRET}@git.example.org/linux.git") == {SECRET, "hunter@2"}
    assert credentials_of("https://token@git.example.org/linux.git") == {"token"}
    assert credentials_of("ssh://git@git.example.org/linux.git") == set()
    for address in ("https://git.example.org/linux.git", "git@git.example.org:linux.git", "/srv/git/linux.git"):
        assert credentials_of(address) == set()
        assert without_credentials(address) == address
