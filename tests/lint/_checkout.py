# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The checkout's files, as the house rules look at them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from runner._inputs import checkout_files

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "stsm.live_migration"


@cache
def text_files() -> dict[str, str]:
    """Return the text of every file that is or could be committed, by its path relative to the checkout."""
    texts = {}
    for name in checkout_files(ROOT):
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts


def names_of(folder: str, pattern: str) -> list[str]:
    """Return the sorted stems below a folder, without private ones."""
    return sorted(path.stem for path in (ROOT / folder).glob(pattern) if not path.name.startswith("_"))


def modules() -> list[str]:
    """Return the names of the collection's modules."""
    return names_of("plugins/modules", "*.py")


def roles() -> list[str]:
    """Return the names of the collection's roles."""
    return sorted(path.parents[1].name for path in ROOT.glob("roles/*/tasks/main.yml"))


def playbooks() -> list[str]:
    """Return the names of the collection's playbooks."""
    return names_of("playbooks", "*.yml")
