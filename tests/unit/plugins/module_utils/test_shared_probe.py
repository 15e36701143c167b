# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of a shared folder finds what is there, and says so where it is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROBE = Path(__file__).parents[4] / "roles/shared_storage/files/shared_probe.py"


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("shared_probe", PROBE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    return module


def test_a_word_is_new_each_time_and_found(
    probe: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.write(tmp_path, "server1", "nobody")
    probe.write(tmp_path, "server1", "nobody")
    first, second = capsys.readouterr().out.split()
    assert first != second
    probe.read(tmp_path, f"server1={second}")
    with pytest.raises(SystemExit, match="What server1 wrote is not to be seen here"):
        probe.read(tmp_path, f"server1={first}")
    with pytest.raises(SystemExit, match="found: nothing"):
        probe.read(tmp_path, f"server2={second}")


def test_a_lock_outlives_the_call_and_is_given_up(
    probe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe.expect(tmp_path, "free")
    with pytest.raises(SystemExit, match="A file that another host holds is free here"):
        probe.expect(tmp_path, "held")
    probe.hold(tmp_path)
    probe.expect(tmp_path, "held")
    with pytest.raises(SystemExit, match="A file that another host has given up is held here"):
        probe.expect(tmp_path, "free")
    probe.release(tmp_path)
    monkeypatch.setattr(probe, "PATIENCE_SECONDS", 20.0)
    probe.expect(tmp_path, "free")


def test_a_lock_that_somebody_has_is_refused(probe: ModuleType, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a+b") as file:
        assert probe.lock(file.fileno())
        with pytest.raises(SystemExit, match="The lock was refused"):
            probe.hold(tmp_path)


def test_another_number_of_the_user_is_refused(probe: ModuleType) -> None:
    probe.check_user("nobody-of-that-name", 64055)
    probe.check_user("root", 0)
    with pytest.raises(
        SystemExit, match=r"root has the number 0 here, but images belong to 64055: set shared_storage_user_id\."
    ):
        probe.check_user("root", 64055)
