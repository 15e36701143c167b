# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all runs as Parquet: the columns of summary.csv with their types, and what each means beside it."""

from __future__ import annotations

import io
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SUMMARY_FIELDS
from ansible_collections.stsm.live_migration.plugins.module_utils._table import columns

try:
    import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from pyarrow import parquet
except ImportError:
    pyarrow = None

_WHOLE = ("guests", "migrations_at_once", "guest_number", "repetition")
_FLAGS = ("valid", "brownout_ended")
_NUMBERS = (
    "dirty_rate_of_link",
    "dirty_rate_mib_per_second",
    "working_set_mib",
    "link_rate_mbit_per_second",
    "link_payload_mbit_per_second",
    "background_cpu_percent",
    "background_link_mbit_per_second",
    *(key for key in SUMMARY_FIELDS if key not in _FLAGS),
)


def missing() -> str | None:
    """Return the name of the package without which there is no Parquet, if it is missing."""
    return "pyarrow" if pyarrow is None else None


def parquet_bytes(records: Sequence[Record]) -> bytes | None:
    """Return the table as a file's content; None without the package or without runs."""
    if missing() or not records:
        return None
    rows = [columns(record) for record in records]
    fields = [pyarrow.field(name, _type(name), metadata=_meaning(name)) for name in rows[0]]
    values = [[_value(name, row[name]) for row in rows] for name in rows[0]]
    table = pyarrow.Table.from_arrays(
        [pyarrow.array(column, type=entry.type) for column, entry in zip(values, fields)], schema=pyarrow.schema(fields)
    )
    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def _type(name: str) -> Any:
    """Return the type of a column."""
    if name in _WHOLE:
        return pyarrow.int64()
    if name in _FLAGS:
        return pyarrow.bool_()
    return pyarrow.float64() if name in _NUMBERS else pyarrow.string()


def _meaning(name: str) -> dict[str, str] | None:
    """Return what a column says of itself."""
    return {"description": SUMMARY_FIELDS[name]} if name in SUMMARY_FIELDS else None


def _value(name: str, value: Any) -> Any:
    """Return a value in its column's type."""
    if value is None or name in _FLAGS or name in _WHOLE:
        return value
    return float(value) if name in _NUMBERS else str(value)
