# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One archive of a campaign's folder with all that another site needs to check it: an RO-Crate with checksums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _crate
from ansible_collections.stsm.live_migration.plugins.module_utils._archive import (
    CHECKSUMS,
    Content,
    checksums,
    measured,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._environment import environment
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._record import whole_lines_size
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import gather
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import RECORD
from ansible_collections.stsm.live_migration.plugins.module_utils._tables import tables
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import verdicts_of

SCHEMA, PROVENANCE, ENVIRONMENT = "record.schema.json", "provenance.json", "environment.json"
_MADE_HERE = (CHECKSUMS, _crate.METADATA, SCHEMA, PROVENANCE, ENVIRONMENT)


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a campaign's folder that are its own, by name; raises InstrumentError for a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith(".") or path.suffix == ".zip" or name in _MADE_HERE:
            continue
        if path.is_symlink():
            raise InstrumentError(f"{path} is a link, which another site could not follow: put the file there itself.")
        if path.is_file():
            found[name] = path
    return found


def contents(
    folder: Path, about: _crate.Publication, complain: Callable[[str], None] | None = None
) -> dict[str, Content]:
    """Return all files of a campaign's bundle by name; raises InstrumentError if its report is not that of its runs."""
    runs = folder / "runs.jsonl"
    if not runs.exists():
        raise InstrumentError(f"There is no {runs}: set results to the folder of a campaign that has been measured.")
    if _crate.missing():
        raise InstrumentError(
            f"The Python library {_crate.missing()} is missing on the observer: install it (pip install"
            f" {_crate.missing()})."
        )
    records = gather(runs, complain)
    around = surroundings(folder, complain)
    kept: dict[str, Content] = dict(files_of(folder))
    for name, text in tables(records, around, verdicts_of(records, around)).items():
        if name not in kept or (folder / name).read_bytes() != text.encode():
            raise InstrumentError(f"{folder / name} is not what the runs there give: call report first.")
    kept["runs.jsonl"] = _whole_lines(runs)
    kept[SCHEMA] = _json(RECORD)
    kept[PROVENANCE] = _json(provenance(records))
    kept[ENVIRONMENT] = _json(environment())
    sizes = {name: measured(content) for name, content in kept.items()}
    kept[_crate.METADATA] = _crate.described(sizes, records, around.title, about).encode()
    sizes[_crate.METADATA] = measured(kept[_crate.METADATA])
    kept[CHECKSUMS] = checksums(sizes)
    return kept


def provenance(records: Sequence[Record]) -> dict[str, Any]:
    """Return each distinct state of a host with how many runs it was an end of, and how many runs each stack made."""
    states: dict[str, dict[str, Any]] = {}
    stacks: dict[str, int] = {}
    for record in records:
        for end, facts in record["hosts"].items():
            state = states.setdefault(
                json.dumps(facts, sort_keys=True), {"facts": facts, "source": 0, "destination": 0}
            )
            state[end] += 1
        stack = " and ".join(record["builds"])
        stacks[stack] = stacks.get(stack, 0) + 1
    return {"hosts": [states[key] for key in sorted(states)], "runs_by_stack": stacks}


def _whole_lines(runs: Path) -> Content:
    """Return a file of records without a last line that its writer never finished."""
    with runs.open("rb") as file:
        size = whole_lines_size(file.fileno())
        return runs if size == runs.stat().st_size else file.read(size)


def _json(value: Mapping[str, Any]) -> bytes:
    """Return a value as JSON text whose bytes do not depend on the order in which it was made."""
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
