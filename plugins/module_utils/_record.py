# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run record: built from an observation, appended to a campaign's runs.jsonl as one line, read back."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import RecordError
from ansible_collections.stsm.live_migration.plugins.module_utils._migrations import migrated
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Observation
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import decide
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import build_ids, cell_key
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import RECORD, SCHEMA_VERSION
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import summarise
from ansible_collections.stsm.live_migration.plugins.module_utils._validators import validate

try:
    import jsonschema
except ImportError:
    jsonschema = None  # type: ignore[assignment,unused-ignore]

# A record is below 1 MiB; less room than this and the next one may not fit.
LEAST_FREE_BYTES = 16 << 20

_NOT_RAW = ("scenario", "started_at", "hosts", "calibration")


def build(observation: Observation, campaign: str, guest_number: int, group_id: str) -> dict[str, Any]:
    """Return the record of a run: what was asked, what came of it, whether to believe it, and all that was observed.

    Guests that moved at once share a *group_id* and are numbered from 1.
    """
    scenario = Scenario.from_dict(observation["scenario"])
    builds = build_ids(observation["hosts"].values())
    outcome, reason = decide(observation)
    valid, findings = validate(observation)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": str(uuid.uuid4()),
        "group_id": group_id,
        "guest_number": guest_number,
        "campaign": campaign,
        "started_at": observation["started_at"],
        "scenario": scenario.to_dict(),
        "scenario_hash": scenario.hash,
        "builds": builds,
        "cell_key": cell_key(scenario.hash, builds),
        "hosts": observation["hosts"],
        "outcome": outcome,
        "reason": reason,
        "valid": valid,
        "validators": [finding.to_dict() for finding in findings],
        "summary": summarise(observation),
        "calibration": observation.get("calibration") or [],
        "raw": {key: value for key, value in observation.items() if key not in _NOT_RAW},
    }


def check(record: dict[str, Any]) -> None:
    """Raise RecordError with one sentence unless a record follows the schema."""
    if jsonschema is None:
        raise RecordError(
            "The Python library jsonschema is missing on the observer: install it (pip install jsonschema)."
        )
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(RECORD).iter_errors(record))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path) or "the record"
        raise RecordError(f"The record does not follow its schema at {place}: {error.message[:200].rstrip('.')}.")


def prepare(path: Path) -> None:
    """Raise RecordError unless records can be appended to a file; changes nothing, so it is fit for check mode."""
    if jsonschema is None:
        raise RecordError(
            "The Python library jsonschema is missing on the observer: install it (pip install jsonschema)."
        )
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    if place != path and not place.is_dir():
        raise RecordError(
            f"The results folder {path.parent} cannot be made, because {place} is a file: set another folder."
        )
    if not os.access(place, os.W_OK | (os.X_OK if place.is_dir() else 0)):
        raise RecordError(f"The results cannot be written to {place}: make it writable or set another folder.")
    free_bytes = shutil.disk_usage(place).free
    if free_bytes < LEAST_FREE_BYTES:
        needed = f"{LEAST_FREE_BYTES >> 20} MiB"
        raise RecordError(
            f"The disk of {place} has {free_bytes >> 20} MiB free, but {needed} are needed: free some space."
        )


def append(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Append records, a line each, that are on the disk when this returns, or leave the file as it was and raise.

    A line that a killed writer left unfinished is cut off first: a record after it could not be read otherwise.
    """
    for record in records:
        check(record)
    try:
        lines = "".join(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n" for record in records)
        data = lines.encode("utf-8")
    except ValueError as error:
        raise RecordError(f"The record holds a number that JSON does not know ({error}).") from None
    with _saying(path), _locked(path) as descriptor:
        size = whole_lines_size(descriptor)
        os.ftruncate(descriptor, size)
        try:
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be written")
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)
            raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that is there with all of its content or, if that fails, as it was before; makes its folder."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _saying(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()


def read(path: Path, complain: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Return all records of a file in order, as stream gives them."""
    return list(stream(path, complain))


def stream(path: Path, complain: Callable[[str], None] | None = None) -> Iterator[dict[str, Any]]:
    """Give the records of a file in order, one in memory at a time; none if there is no such file.

    A last line that is not whole (its writer was killed) is left out and told to complain. Raises RecordError for any
    other line that is not a record.
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith("\n"):
                    yield _parse(path, number, line)
                elif complain is not None:
                    complain(
                        f"The last line of {path} is not whole, because its writer was interrupted; it is left out."
                    )
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordError(f"The records {path} cannot be read ({error.strerror}).") from None


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    """Return the record that a line holds."""
    try:
        record = json.loads(line)
    except ValueError:
        raise RecordError(f"Line {number} of {path} is not a record: restore the file or remove the line.") from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    today = migrated(record) if isinstance(record, dict) else None
    if today is None:
        raise RecordError(
            f"Line {number} of {path} has the schema version {version}, but this collection reads {SCHEMA_VERSION}:"
            " use the version of the collection that wrote it, or another folder."
        )
    return today


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file for appending, made with its folder if need be, and hold it against other writers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def whole_lines_size(descriptor: int) -> int:
    """Return the size of a file up to and with its last line end."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 65536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


@contextlib.contextmanager
def _saying(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one sentence."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise RecordError(
            f"{path} could not be written ({cause}), and is as it was before: make room or set another folder."
        ) from error
