# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a bundle that another site made, and analyses its runs anew, with no testbed: the tables must be the same."""

from __future__ import annotations

import contextlib
import difflib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

from ansible_collections.stsm.live_migration.plugins.module_utils import _crate
from ansible_collections.stsm.live_migration.plugins.module_utils._archive import CHECKSUMS, unpack, verify
from ansible_collections.stsm.live_migration.plugins.module_utils._bundle import ENVIRONMENT
from ansible_collections.stsm.live_migration.plugins.module_utils._environment import differing, environment
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._record import stream
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import light
from ansible_collections.stsm.live_migration.plugins.module_utils._run_checks import once, sound
from ansible_collections.stsm.live_migration.plugins.module_utils._tables import tables
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import verdicts_of

_MOST_LINES_SHOWN = 6


@dataclass(frozen=True)
class Replayed:
    """What came of a replay: the files that were checked, the runs, each table as made here, and where they differ."""

    files: list[str]
    runs: int
    valid_runs: int
    tables: dict[str, str]
    differences: dict[str, list[str]]
    versions: list[str]
    licence: str


@contextlib.contextmanager
def opened(bundle: Path) -> Iterator[Path]:
    """Give the folder of a bundle whose checksums hold: the one that it is, or a passing one that it is unpacked to."""
    if bundle.is_dir():
        verify(bundle, bundle)
        yield bundle
        return
    with tempfile.TemporaryDirectory(prefix="stsm-bundle-") as name:
        folder = Path(name)
        unpack(bundle, folder)
        verify(folder, bundle)
        yield folder


def replay(
    folder: Path, called: Path, any_version: bool = False, complain: Callable[[str], None] | None = None
) -> Replayed:
    """Analyse a verified bundle's folder anew; *called* is the name that the user knows it by."""
    there = _environment(folder, called)
    if not any_version:
        _refuse_other_version(there, called)
    described = _described(folder, called)
    common: dict[str, Any] = {}
    records = [light(sound(record), common) for record in once(stream(folder / "runs.jsonl", complain), complain)]
    around = surroundings(folder, complain)
    made = tables(records, around, verdicts_of(records, around))
    return Replayed(
        files=sorted(described),
        runs=len(records),
        valid_runs=sum(record["valid"] for record in records),
        tables=made,
        differences={
            name: lines for name, text in made.items() for lines in [_difference(folder, name, text)] if lines
        },
        versions=differing(there),
        licence=_licence(folder),
    )


def _environment(folder: Path, called: Path) -> dict[str, Any]:
    """Return the versions that a bundle was made with."""
    try:
        found = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))
        return {**found, "libraries": dict(found["libraries"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise InstrumentError(f"{called} does not say what it was made with ({ENVIRONMENT}): get it again.") from None


def _refuse_other_version(there: dict[str, Any], called: Path) -> None:
    """Raise InstrumentError unless the same version of the collection made the bundle."""
    here = environment()
    for name in ("collection", "version"):
        if there.get(name) != here[name]:
            raise InstrumentError(
                f"{called} was made by {there.get('collection')} {there.get('version')}, and this is"
                f" {here['collection']} {here['version']}: install that version to get the same bytes, or set"
                " any_version to see what differs."
            )


def _described(folder: Path, called: Path) -> list[str]:
    """Return the files that the crate's metadata describes, which must be all of a bundle's."""
    path = folder / _crate.METADATA
    entities = _crate.contents(path.read_text(encoding="utf-8") if path.exists() else "")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    unknown = sorted(found - set(entities) - {CHECKSUMS, _crate.METADATA})
    if unknown:
        raise InstrumentError(f"{called} does not say what {', '.join(unknown)} is ({_crate.METADATA}): get it again.")
    return sorted(found)


def _licence(folder: Path) -> str:
    """Return the address of the licence under which a bundle may be used."""
    root = _crate.contents((folder / _crate.METADATA).read_text(encoding="utf-8"))[""]
    licence = root.get("license") or {}
    return str(licence.get("@id", "")) if isinstance(licence, dict) else str(licence)


def _difference(folder: Path, name: str, text: str) -> list[str]:
    """Return the first lines in which a table made here is not the bundle's; nothing if all bytes are the same."""
    path = folder / name
    there = path.read_bytes() if path.exists() else b""
    if there == text.encode():
        return []
    old, new = there.decode("utf-8", errors="replace").splitlines(), text.splitlines()
    lines = list(difflib.unified_diff(old, new, f"{name} in the bundle", f"{name} made here", n=0, lineterm=""))
    return lines[:_MOST_LINES_SHOWN] or ["Only the ends of lines differ."]


def keep(folder: Path, results: Path, dry: bool = False) -> bool:
    """Copy a verified bundle's files to a folder of results; returns whether there was anything to copy.

    Raises InstrumentError for a folder that holds anything else.
    """
    if results.exists():
        try:
            verify(results, results)
        except InstrumentError:
            raise InstrumentError(f"{results} holds something else than the bundle: set another folder.") from None
        if (results / CHECKSUMS).read_bytes() == (folder / CHECKSUMS).read_bytes():
            return False
        raise InstrumentError(f"{results} holds another bundle: set another folder.")
    if not dry:
        shutil.copytree(folder, results)
    return True
