# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets plain `pytest` find the collection by its full name, wherever the checkout lies."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

COLLECTION = "ansible_collections.stsm.live_migration"


def _importable() -> bool:
    """Return whether ansible-test or the project's own settings have put the collection on the path already."""
    try:
        return importlib.util.find_spec(COLLECTION + ".plugins") is not None
    except ModuleNotFoundError:
        return False


if not _importable():
    # Kept in a module global: the tree must live as long as the tests run.
    _TREE = tempfile.TemporaryDirectory(prefix="ansible-collections-")
    _PLACE = Path(_TREE.name, *COLLECTION.split("."))
    _PLACE.parent.mkdir(parents=True)
    _PLACE.symlink_to(Path(__file__).resolve().parent, target_is_directory=True)
    sys.path.insert(0, _TREE.name)
