# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What is known of each part from former runs, kept outside the checkout."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

KEPT_DIGESTS = 20


def default_folder() -> Path:
    """Return the folder of the ledger below the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "stsm-live-migration" / "tests"


@dataclass
class Entry:
    """One part's past."""

    green: dict[str, str] = field(default_factory=dict)
    """When (UTC, ISO 8601) each digest of the inputs was last green."""
    seen_digest: str = ""
    """Digest of the inputs in the last run, whether or not the part was reached."""
    minutes: float = 0.0
    """How long the last green run took."""

    @property
    def last_green(self) -> str:
        """When the part was last green with whatever inputs; empty if never."""
        return max(self.green.values(), default="")


class Ledger:
    """Entries by name of the part, a file each; a file that cannot be read counts as no past."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> Entry:
        """Return the part's past."""
        try:
            return Entry(**json.loads((self._folder / f"{name}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return Entry()

    def write(self, name: str, entry: Entry) -> None:
        """Replace the part's past in one step."""
        newest = sorted(entry.green.items(), key=lambda item: item[1])[-KEPT_DIGESTS:]
        entry.green = dict(newest)
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{name}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(entry)))
        temporary.replace(self._folder / f"{name}.json")
