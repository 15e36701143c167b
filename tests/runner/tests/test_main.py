# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Wishes from the environment, and the table of parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.__main__ import deadline_minutes, main, select
from runner._parts import PARTS
from runner.ansible_test import write_get_pip


@pytest.mark.parametrize(("text", "minutes"), [("", None), ("75", 75.0), ("0.5", 0.5)])
def test_deadline(text: str, minutes: float | None) -> None:
    assert deadline_minutes(text) == minutes


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_wrong_deadline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="set a number of minutes above 0"):
        deadline_minutes(text)


def test_parts_are_selected_by_name() -> None:
    assert select([], PARTS) == list(PARTS)
    assert [part.name for part in select(["sanity", "unit"], PARTS)] == ["sanity", "unit"]


def test_an_unknown_part_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PARTS", "unit unti")
    assert main() == 2
    assert "PARTS names unti; the parts are unit," in capsys.readouterr().err


def test_names_of_parts_are_unique_and_one_part_always_runs() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert [part.name for part in PARTS if part.always] == ["unit"]


def test_the_stand_in_lies_where_ansible_test_looks(tmp_path: Path) -> None:
    write_get_pip(tmp_path)
    (stand_in,) = (tmp_path / ".ansible/test/cache").iterdir()
    assert stand_in.name.startswith("get_pip_")
    assert "ensurepip" in stand_in.read_text()
