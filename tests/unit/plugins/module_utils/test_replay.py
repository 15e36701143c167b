# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replay makes the tables of a bundle again, byte by byte, and says in one sentence what is wrong with a bad one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._replay import Replayed, keep, opened, replay
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._bundles import (
    bundle_of,
    edited,
    measured_folder,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record

Files = dict[str, bytes]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return bundle_of(measured_folder(tmp_path / "first"), tmp_path / "first.zip")


def replayed(archive: Path, any_version: bool = False, told: list[str] | None = None) -> Replayed:
    with opened(archive) as folder:
        return replay(folder, archive, any_version, None if told is None else told.append)


def refused(archive: Path) -> str:
    with pytest.raises(InstrumentError) as caught:
        replayed(archive)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def change_record(change: Callable[[dict[str, Any]], Any]) -> Callable[[Files], None]:
    """The change of a bundle's files by which its first record is another."""

    def applied(files: Files) -> None:
        first, *rest = files["runs.jsonl"].decode().splitlines()
        built = json.loads(first)
        change(built)
        files["runs.jsonl"] = ("\n".join([json.dumps(built), *rest]) + "\n").encode()

    return applied


def test_the_tables_are_the_same(archive: Path) -> None:
    found = replayed(archive)
    assert (found.differences, found.versions) == ({}, [])
    assert (found.runs, found.valid_runs) == (2, 2)
    assert set(found.tables) == {"findings.txt", "summary.csv"}
    assert found.licence == "https://spdx.org/licenses/CC-BY-4.0"


@pytest.mark.parametrize("locale", ["C", "de_DE.UTF-8", "tr_TR.UTF-8"])
def test_no_locale_and_no_hash_seed_changes_a_byte(archive: Path, locale: str) -> None:
    program = (
        "import locale, sys; from pathlib import Path;"
        "from ansible_collections.stsm.live_migration.plugins.module_utils import _replay as r\n"
        "try: locale.setlocale(locale.LC_ALL, '')\n"
        "except locale.Error: pass\n"
        "with r.opened(Path(sys.argv[1])) as f: print(sorted(r.replay(f, f).differences))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(archive)],
        env={**os.environ, "LC_ALL": locale, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"


def test_an_unpacked_bundle_is_one_too(archive: Path, tmp_path: Path) -> None:
    with opened(archive) as folder:
        assert keep(folder, tmp_path / "kept")
        assert not keep(folder, tmp_path / "kept")
    assert replayed(tmp_path / "kept").differences == {}
    (tmp_path / "kept" / "notes").write_text("x")
    with opened(archive) as folder, pytest.raises(InstrumentError, match="kept holds something else than the bundle"):
        keep(folder, tmp_path / "kept")


def test_a_table_that_its_runs_do_not_give_is_named(archive: Path) -> None:
    def change(files: Files) -> None:
        files["summary.csv"] = files["summary.csv"].replace(b"hybrid", b"pre-copy")

    found = replayed(edited(archive, change))
    assert list(found.differences) == ["summary.csv"]
    lines = found.differences["summary.csv"]
    assert lines[:2] == ["--- summary.csv in the bundle", "+++ summary.csv made here"]
    assert any(line.startswith("+") and "hybrid" in line for line in lines[2:])


def test_other_libraries_are_named(archive: Path) -> None:
    def change(files: Files) -> None:
        there = json.loads(files["environment.json"])
        there["libraries"].update(scipy="1.0", numpy=None)
        files["environment.json"] = json.dumps(there).encode()

    versions = replayed(edited(archive, change)).versions
    assert [words.split(", ")[0] for words in versions] == [
        "The analysis there used scipy 1.0",
        "The analysis there used numpy (none)",
    ]


def test_another_version_of_the_collection_is_refused_unless_it_is_wanted(archive: Path) -> None:
    def change(files: Files) -> None:
        files["environment.json"] = files["environment.json"].replace(b'"version": "', b'"version": "9')

    assert "was made by stsm.live_migration 9" in refused(edited(archive, change))
    assert replayed(archive, any_version=True).differences == {}


def test_an_edited_file_is_named(archive: Path) -> None:
    def change(files: Files) -> None:
        files["runs.jsonl"] = files["runs.jsonl"].replace(b'"valid": true', b'"valid": false')

    assert refused(edited(archive, change, sums=False)).startswith(f"runs.jsonl of {archive} was edited")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda files: files.pop("summary.csv"), "lacks summary.csv, which its SHA256SUMS names"),
        (lambda files: files.update(more=b"x"), "has more, which its SHA256SUMS does not name"),
        (lambda files: files.pop("SHA256SUMS"), "is not a bundle, for it has no SHA256SUMS"),
        (lambda files: files.update(SHA256SUMS=b"nonsense\n"), "is not a list of checksums"),
    ],
)
def test_files_and_checksums_must_be_the_same(archive: Path, change: Callable[[Files], Any], sentence: str) -> None:
    assert sentence in refused(edited(archive, change, sums=False))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda files: files.update(more=b"x"), "does not say what more is"),
        (lambda files: files.update({"ro-crate-metadata.json": b"{}"}), "does not describe an RO-Crate"),
        (lambda files: files.pop("environment.json"), "does not say what it was made with"),
    ],
)
def test_a_bundle_must_say_what_it_is(archive: Path, change: Callable[[Files], Any], sentence: str) -> None:
    assert sentence in refused(edited(archive, change))


def test_an_archive_that_was_cut_off_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])
    assert "is not a whole zip archive: get it again" in refused(archive)


def test_a_damaged_entry_is_named(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened_archive:
        entry = opened_archive.getinfo("runs.jsonl")
    content = bytearray(archive.read_bytes())
    content[entry.header_offset + 2000] ^= 0xFF
    archive.write_bytes(bytes(content))
    assert "runs.jsonl in " in refused(archive)
    assert "is damaged" in refused(archive)


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.zip").startswith("There is no ")


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", "a\\..\\out", "C:/out"])
def test_no_entry_leaves_the_folder(tmp_path: Path, name: str) -> None:
    target = tmp_path / "evil.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")
    assert "which would leave its folder: do not use it" in refused(target)
    assert not (tmp_path / "out").exists()


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "the entry 'link', which is not a file" in refused(tmp_path / "evil.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("runs.jsonl", "x")
        archive.writestr("runs.jsonl", "y")
    assert "the entry 'runs.jsonl' twice" in refused(tmp_path / "evil.zip")


def test_a_record_of_an_unknown_schema_is_refused_with_its_version(archive: Path) -> None:
    sentence = refused(edited(archive, change_record(lambda built: built.update(schema_version=99))))
    assert "Line 1 of" in sentence
    assert "has the schema version 99, but this collection reads" in sentence


def test_a_figure_in_another_unit_is_named(archive: Path) -> None:
    def change(built: dict[str, Any]) -> None:
        built["summary"]["total_time_s"] = built["summary"].pop("total_time_ms") / 1000

    assert "has total_time_s where this schema has total_time_ms" in refused(edited(archive, change_record(change)))


def test_a_value_in_another_unit_is_named(archive: Path) -> None:
    def change(built: dict[str, Any]) -> None:
        built["summary"]["total_time_ms"] /= 1000

    sentence = refused(edited(archive, change_record(change)))
    assert (
        "says total_time_ms 4.2, but its raw series give 4200.0 (1,000 times, as if it were in another unit)"
        in sentence
    )


def test_a_record_that_does_not_follow_the_schema_is_named(archive: Path) -> None:
    sentence = refused(edited(archive, change_record(lambda built: built.update(outcome="splendid"))))
    assert "The record does not follow its schema at outcome" in sentence


def test_a_run_that_is_there_twice_counts_once_and_is_told(tmp_path: Path) -> None:
    built = record("hybrid")
    told: list[str] = []
    archive = bundle_of(measured_folder(tmp_path / "first", [built, built]), tmp_path / "first.zip")
    assert replayed(archive, told=told).runs == 1
    assert told == [f"Run {built['run_id']} is recorded twice; it counts once."]


def test_two_runs_of_one_name_are_refused(archive: Path) -> None:
    def change(files: Files) -> None:
        first, second = map(json.loads, files["runs.jsonl"].decode().splitlines())
        second["run_id"] = first["run_id"]
        files["runs.jsonl"] = f"{json.dumps(first)}\n{json.dumps(second)}\n".encode()

    assert "is recorded twice, and not alike" in refused(edited(archive, change))


def test_a_last_line_that_is_not_whole_is_left_out_and_told(archive: Path) -> None:
    def change(files: Files) -> None:
        files["runs.jsonl"] += b'{"schema'

    told: list[str] = []
    assert replayed(edited(archive, change), told=told).runs == 2
    assert ["is not whole" in words for words in told] == [True]
