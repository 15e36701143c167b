# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Folders that a host shares with the machine are made for it, and are not the hosts' to remove."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _folders

STATE = Path("/nowhere/state")


def test_good_folders_stay_as_they_are_given() -> None:
    given = {"/nowhere/cache/builder": "/var/cache/a..b", "/nowhere/with space": "/srv"}
    assert _folders.check("one", given, STATE) == given


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ("relative", "/srv"),
        ("/", "/srv"),
        ("/nowhere/../etc", "/srv"),
        ("/nowhere/..", "/srv"),
        ("/nowhere//twice", "/srv"),
        ("/nowhere/ends/", "/srv"),
        ("/nowhere/a:b", "/srv"),
        ("/nowhere/a\\b", "/srv"),
        ("/nowhere/a", "srv"),
        ("/nowhere/a", "/"),
        ("/nowhere/a", "/./srv"),
    ],
)
def test_paths_that_could_mean_something_else_are_refused(outside: str, inside: str) -> None:
    with pytest.raises(MachineError, match="host one is to share .* as .*: set virtual_host_folders to absolute"):
        _folders.check("one", {outside: inside}, STATE)


@pytest.mark.parametrize("outside", ["/nowhere", "/nowhere/state", "/nowhere/state/hosts/one/upper"])
def test_what_teardown_removes_is_not_shared(outside: str) -> None:
    with pytest.raises(MachineError, match=f"share {outside}, which overlaps the hosts' own folder {STATE}: set"):
        _folders.check("one", {outside: "/srv"}, STATE)


def test_a_link_into_the_state_folder_is_not_shared(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to("state")
    with pytest.raises(MachineError, match="overlaps the hosts' own folder"):
        _folders.check("one", {str(tmp_path / "link"): "/srv"}, tmp_path / "state")


def test_one_place_in_a_host_is_for_one_folder() -> None:
    with pytest.raises(MachineError, match="host one is to see two folders at /srv: give each its own path"):
        _folders.check("one", {"/nowhere/a": "/srv", "/nowhere/b": "/srv"}, STATE)


def test_a_file_is_not_shared(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="which is not a folder: name another in virtual_host_folders"):
        _folders.check("one", {str(tmp_path / "file"): "/srv"}, STATE)


def test_a_folder_is_open_to_read_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "cache/builder"
    before = os.umask(0o077)
    try:
        _folders.make(str(path))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o755
