# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether records that came from elsewhere are what they say: whole, each once, in the units of their names."""

from __future__ import annotations

import json
from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import RecordError
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import observation_of
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import digest
from ansible_collections.stsm.live_migration.plugins.module_utils._record import check
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import summarise


def once(records: Iterable[dict[str, Any]], complain: Callable[[str], None] | None = None) -> Iterator[dict[str, Any]]:
    """Give each run once. A copy of a whole record is left out and told; raises RecordError for two that differ."""
    seen: dict[str, str] = {}
    for record in records:
        # The raw series are some hundred times the rest, and do not change alone: the summary follows from them.
        name, content = str(record["run_id"]), digest({key: value for key, value in record.items() if key != "raw"})
        if name not in seen:
            seen[name] = content
            yield record
        elif seen[name] != content:
            raise RecordError(f"Run {name} is recorded twice, and not alike: remove the one that is not genuine.")
        elif complain is not None:
            complain(f"Run {name} is recorded twice; it counts once.")


def sound(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record that follows its schema and whose summary is what its raw series give; raises RecordError."""
    _refuse_other_units(record)
    try:
        check(record)
    except RecordError as error:
        raise RecordError(f"Run {record.get('run_id')}: {error}") from None
    derived = json.loads(json.dumps(summarise(observation_of(record))))
    for key, told in record["summary"].items():
        if derived[key] != told:
            raise RecordError(
                f"Run {record['run_id']} says {key} {json.dumps(told)}, but its raw series give"
                f" {json.dumps(derived[key])}{_factor(told, derived[key])}: restore the record, or replay it with the"
                " version of the collection that made it."
            )
    return record


def _refuse_other_units(record: Mapping[str, Any]) -> None:
    """Raise RecordError for a figure in another unit than this schema has it in."""
    summary = record.get("summary")
    for key in summary if isinstance(summary, Mapping) else ():
        stem = str(key).rpartition("_")[0]
        meant = [known for known in SUMMARY_FIELDS if stem and known.rpartition("_")[0] == stem]
        if key not in SUMMARY_FIELDS and meant:
            raise RecordError(
                f"Run {record.get('run_id')} has {key} where this schema has {meant[0]}: give every figure in the unit"
                " of the schema."
            )


def _factor(told: Any, derived: Any) -> str:
    """Return by what power of a thousand (or of 1,024) two figures differ, as figures in other units do."""
    if isinstance(told, bool) or not told or not derived or not isinstance(told, (int, float)):
        return ""
    for factor in (1000, 1024, 8, 1_000_000, 1024**2):
        for ratio in (told / derived, derived / told):
            if abs(ratio / factor - 1) < 0.001:
                return f" ({factor:,} times, as if it were in another unit)"
    return ""
