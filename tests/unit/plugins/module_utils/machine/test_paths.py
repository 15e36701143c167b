# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Files are whole or absent, and no folder is emptied through a mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    assert _paths.write_file(path, "text", 0o600)
    assert not _paths.write_file(path, "text", 0o600)
    assert _paths.write_file(path, "text", 0o644)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["b"]


def test_mounts_below_knows_real_ones() -> None:
    assert Path("/proc") in _paths.mounts_below(Path("/proc"))
    assert _paths.mounts_below(Path("/nowhere")) == []


def test_a_folder_with_a_mount_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_paths, "mounts_below", lambda folder: [folder / "dev"])
    with pytest.raises(MachineError, match="still mounted"):
        _paths.remove_folder(tmp_path)
    assert tmp_path.is_dir()


def test_too_little_disk_is_said_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "not/yet/there"
    _paths.require_free_disk(folder, 0, "nothing")
    with pytest.raises(MachineError, match=r"MiB of free disk but making 2 hosts needs 10{12} MiB"):
        _paths.require_free_disk(folder, 10**12, "making 2 hosts")
    assert not folder.exists()
