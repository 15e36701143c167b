# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""With what an analysis was made: the collection, its schema, Python, and the libraries whose figures enter it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._schema import SCHEMA_VERSION
from ansible_collections.stsm.live_migration.plugins.module_utils._version import COLLECTION, VERSION

# What computes, draws, lays out, checks and exports.
LIBRARIES = ("scipy", "numpy", "matplotlib", "Jinja2", "jsonschema", "pyarrow", "rocrate")


def environment() -> dict[str, Any]:
    """Return the versions in use; null for a library that is not there."""
    return {
        "collection": COLLECTION,
        "version": VERSION,
        "schema_version": SCHEMA_VERSION,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def differing(there: Mapping[str, Any]) -> list[str]:
    """Return in which versions an analysis elsewhere was made with others than those in use, one sentence each."""
    here = environment()
    pairs = [("Python", there.get("python"), here["python"])]
    libraries = there.get("libraries") or {}
    pairs += [(name, libraries.get(name), version) for name, version in here["libraries"].items()]
    return [
        f"The analysis there used {name} {old or '(none)'}, and here it is {new or '(none)'}."
        for name, old, new in pairs
        if old != new
    ]


def _version(name: str) -> str | None:
    """Return the version of an installed library."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
