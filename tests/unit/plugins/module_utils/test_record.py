# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: what is in them, and that a results file is never left half-written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import RecordError, ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import build_ids, cell_key, digest
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    host_facts,
    loaded,
    not_converged,
    observation,
    site_guest,
    three_guests,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A results file that is not there yet, in a folder that is not there yet."""
    return tmp_path / "first" / "runs.jsonl"


def a_record() -> dict[str, Any]:
    return _record.build(observation(), "first", 1, "group-1")


@pytest.mark.parametrize(
    "seen", [observation(), observation("stop-and-copy"), not_converged(), site_guest(), three_guests(), loaded()]
)
def test_a_record_follows_its_schema(seen: dict[str, Any]) -> None:
    built = _record.build(seen, "first", 1, "group-1")
    _record.check(built)
    assert json.loads(json.dumps(built, allow_nan=False)) == built
    assert set(built["summary"]) == set(SUMMARY_FIELDS)


def test_a_record_holds_what_was_asked_and_all_that_was_seen() -> None:
    seen = observation()
    built = _record.build(seen, "first", 1, "group-1")
    assert built["raw"]["echoes"] == seen["echoes"]
    assert built["scenario"] == seen["scenario"]
    assert built["outcome"] == "completed"
    assert built["valid"] is True
    assert built["cell_key"] == cell_key(built["scenario_hash"], build_ids(seen["hosts"].values()))
    assert len({a_record()["run_id"] for _attempt in range(5)}) == 5


def test_a_bad_scenario_makes_no_record() -> None:
    seen = observation()
    seen["scenario"]["strategy"]["name"] = "hybird"
    with pytest.raises(ScenarioError, match="did you mean 'hybrid'"):
        _record.build(seen, "first", 1, "group-1")


def test_both_directions_make_one_cell_and_another_build_another() -> None:
    one, other = host_facts("compute1"), {**host_facts("compute2"), "qemu_build_id": "c" * 40}
    assert build_ids([one, other]) == build_ids([other, one])
    assert cell_key("h", build_ids([one, other])) != cell_key("h", build_ids([one, one]))
    assert cell_key("h", build_ids([one, one])) != cell_key("i", build_ids([one, one]))
    unlabelled = {**one, "qemu_build_id": ""}
    assert build_ids([unlabelled])[0].startswith(f"qemu:10.1.2 libvirt:{'b' * 40} kernel:")
    for changed in ("kernel", "workload_digest"):
        assert build_ids([one]) != build_ids([{**one, changed: "another"}])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_records_are_appended_and_read_in_order(path: Path) -> None:
    records = [a_record() for _attempt in range(3)]
    for built in records:
        _record.append(path, [built])
    assert _record.read(path) == records
    assert path.read_bytes().count(b"\n") == 3


def test_records_of_guests_that_moved_at_once_are_appended_in_one_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = []

    def write(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return real_write(descriptor, data)

    group = [_record.build(observation(guests=3), "first", number, "group-1") for number in (1, 2, 3)]
    monkeypatch.setattr(os, "write", write)
    _record.append(path, group)
    assert [data.count(b"\n") for data in writes] == [3]
    assert [(found["group_id"], found["guest_number"]) for found in _record.read(path)] == [
        ("group-1", 1),
        ("group-1", 2),
        ("group-1", 3),
    ]


def test_one_bad_record_of_a_group_keeps_all_of_them_out(path: Path) -> None:
    with pytest.raises(RecordError, match="at outcome"):
        _record.append(path, [a_record(), {**a_record(), "outcome": "fine"}])
    assert not path.exists()


def test_no_file_has_no_records(path: Path) -> None:
    assert _record.read(path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "fine"}, "at outcome: 'fine' is not one of"),
        ({"hosts": {}}, "at hosts"),
        ({"surprise": 1}, "'surprise' was unexpected"),
        ({"valid": None}, "at valid"),
        ({"scenario_hash": "x"}, "at scenario_hash"),
    ],
)
def test_a_record_against_the_schema_is_not_written(path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        _record.append(path, [{**a_record(), **change}])
    assert not path.exists()


def test_a_number_json_does_not_know_is_not_written(path: Path) -> None:
    built = a_record()
    built["raw"]["destination_statistics"]["postcopy-latency"] = float("nan")
    with pytest.raises(RecordError, match="number that JSON does not know"):
        _record.append(path, [built])
    assert not path.exists()


def test_an_unfinished_last_line_is_reported_left_out_and_cut_off(path: Path) -> None:
    _record.append(path, [a_record()])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    complaints: list[str] = []
    assert len(_record.read(path, complaints.append)) == 1
    assert complaints == [f"The last line of {path} is not whole, because its writer was interrupted; it is left out."]
    _record.append(path, [a_record()])
    assert path.read_bytes().startswith(whole)
    assert len(_record.read(path)) == 2


def test_a_file_of_nothing_but_an_unfinished_line_starts_anew(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"schema_ver' * 10_000)
    assert _record.read(path) == []
    _record.append(path, [a_record()])
    assert len(_record.read(path)) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "Line 1 of .* is not a record"),
        ("[]", "schema version None"),
        ('{"schema_version": 99}', "schema version 99, but this collection reads 5"),
    ],
)
def test_a_line_that_is_no_record_is_refused(path: Path, line: str, words: str) -> None:
    path.parent.mkdir()
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match=words):
        _record.read(path)


def full_disk(_descriptor: int, _data: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def short_write(descriptor: int, data: bytes) -> int:
    return real_write(descriptor, data[:100])


def killed(descriptor: int, data: bytes) -> int:
    real_write(descriptor, data[:100])
    raise KeyboardInterrupt


real_write = os.write


@pytest.mark.parametrize(("write", "words"), [(full_disk, "No space left"), (short_write, "only 100 of")])
def test_a_full_disk_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, words: str
) -> None:
    _record.append(path, [a_record()])
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(RecordError, match=f"{words}.*is as it was before"):
        _record.append(path, [a_record()])
    assert path.read_bytes() == before


def test_an_interrupted_write_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _record.append(path, [a_record()])
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        _record.append(path, [a_record()])
    assert path.read_bytes() == before


def test_a_second_writer_waits_for_the_first(path: Path) -> None:
    _record.append(path, [a_record()])
    with path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        writer = threading.Thread(target=_record.append, args=(path, [a_record()]))
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        assert len(_record.read(path)) == 1
    writer.join(10)
    assert len(_record.read(path)) == 2


def test_preparing_changes_nothing(path: Path) -> None:
    _record.prepare(path)
    assert not path.parent.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"file is a file: set another folder\."):
        _record.prepare(tmp_path / "file" / "first" / "runs.jsonl")


def test_a_folder_that_is_not_writable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(RecordError, match="make it writable or set another folder"):
        _record.prepare(tmp_path / "runs.jsonl")


def test_a_full_disk_is_told_before_the_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(path.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=3 << 20))
    with pytest.raises(RecordError, match="3 MiB free, but 16 MiB are needed"):
        _record.prepare(path)


def test_without_jsonschema_nothing_is_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_record, "jsonschema", None)
    with pytest.raises(RecordError, match="jsonschema is missing on the observer"):
        _record.prepare(path)
    with pytest.raises(RecordError, match="jsonschema is missing on the observer"):
        _record.append(path, [{}])


def test_a_whole_file_is_there_or_is_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _record.write_whole(path, "one\n")
    assert path.read_text() == "one\n"

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RecordError, match="Input/output error"):
        _record.write_whole(path, "two\n")
    assert path.read_text() == "one\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["runs.jsonl"]
