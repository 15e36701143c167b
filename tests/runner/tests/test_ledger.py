# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The past of parts on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner._ledger import KEPT_DIGESTS, Entry, Ledger, default_folder


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    entry = Entry(green={"digest": "2026-01-01T00:00:00Z"}, seen_digest="other", minutes=2.5)
    Ledger(tmp_path / "new").write("part", entry)
    assert Ledger(tmp_path / "new").read("part") == entry


@pytest.mark.parametrize("text", ["", "[]", '{"unknown": 1}', '{"green"'])
def test_what_cannot_be_read_is_no_past(tmp_path: Path, text: str) -> None:
    (tmp_path / "part.json").write_text(text)
    assert Ledger(tmp_path).read("part") == Entry()


def test_only_the_newest_digests_are_kept(tmp_path: Path) -> None:
    many = {f"digest {number}": f"2026-01-{number:02d}" for number in range(1, 31)}
    Ledger(tmp_path).write("part", Entry(green=many))
    kept = Ledger(tmp_path).read("part").green
    assert len(kept) == KEPT_DIGESTS
    assert "digest 30" in kept


def test_the_folder_is_outside_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "stsm-live-migration" / "tests"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "stsm-live-migration" / "tests"
