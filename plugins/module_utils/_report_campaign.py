# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies beside a campaign's records: what it was asked (campaign.yml), and what its sessions took."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Stopping
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import flat
from ansible_collections.stsm.live_migration.plugins.module_utils._stopping import sentence as stopping_sentence
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# The figures that a site knows and the published texts have lost: an input of the verdicts, kept with the records.
PUBLISHED_FIGURES = "published_figures.json"
# What of a definition has a place of its own in the report.
_TOLD_APART = ("title", "claims", "left_out")

_SPENT = ("wall_seconds", "migration_seconds", "warm_up_seconds", "overhead_seconds")


@dataclass(frozen=True)
class Surroundings:
    """The definition as run, one mapping a session of the engine, and published figures that the site knows.

    All are empty without a campaign. The figures are by experiment and claim.
    """

    definition: Mapping[str, Any] = field(default_factory=dict)
    sessions: Sequence[Mapping[str, Any]] = ()
    published_figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the campaign calls itself."""
        return str(self.definition.get("title") or "")

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What was asked, as pairs of a dotted key and a text, without what was left open."""
        return [
            (key, _text(value))
            for key, value in flat(self.definition).items()
            if key not in _TOLD_APART and not key.startswith("verdict.") and value not in (None, [], {}, "")
        ]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """The cells that could not be measured at this site, as pairs of a name and the reason."""
        return [(str(cell["run"]), str(cell["reason"])) for cell in self.definition.get("left_out") or ()]

    @property
    def verdict(self) -> list[tuple[str, str]]:
        """How results are to be judged, which was fixed before the first run."""
        return [(key.replace("_", " "), _text(value)) for key, value in flat(self._part("verdict")).items()]

    @property
    def stopping(self) -> str:
        """When cells were measured often enough and what that costs, in words; empty without such a rule."""
        rule = self._part("stopping")
        if not rule:
            return ""
        smallest, largest = int(self._part("verdict")["smallest_number_of_runs"]), int(self.definition["repetitions"])
        return stopping_sentence(Stopping(**rule), smallest, largest)

    @property
    def spent(self) -> dict[str, float]:
        """How long all sessions took together and what of it was what, in seconds."""
        return {key: sum(float(session.get(key) or 0) for session in self.sessions) for key in _SPENT}

    @property
    def stages(self) -> list[tuple[str, float, float]]:
        """Where the time of all sessions went: stage, seconds, per cent of the wall time; the longest first."""
        seconds: dict[str, float] = {}
        for session in self.sessions:
            for name, took in (session.get("stages") or {}).items():
                seconds[name] = seconds.get(name, 0.0) + float(took)
        wall_seconds = self.spent["wall_seconds"]
        told = [(name.replace("_", " "), took, 100 * took / wall_seconds) for name, took in seconds.items() if took > 0]
        return sorted(told, key=lambda stage: -stage[1]) if wall_seconds else []

    @property
    def overhead_sentence(self) -> str:
        """What the harness itself took, in one sentence; empty without sessions."""
        spent = self.spent
        if not spent["wall_seconds"]:
            return ""
        share = spent["overhead_seconds"] / spent["wall_seconds"]
        runs = sum(int(session.get("runs") or 0) for session in self.sessions)
        sessions = "one session" if len(self.sessions) == 1 else f"{len(self.sessions)} sessions"
        return (
            f"{runs} runs in {sessions} took {number(spent['wall_seconds'])} s: {number(spent['migration_seconds'])} s"
            f" of migrations, {number(spent['warm_up_seconds'])} s of warm-up, and"
            f" {number(spent['overhead_seconds'])} s ({share:.0%}) of harness."
        )

    def _part(self, key: str) -> Mapping[str, Any]:
        part = self.definition.get(key)
        return part if isinstance(part, Mapping) else {}


def surroundings(folder: Path, complain: Callable[[str], None] | None = None) -> Surroundings:
    """Return what lies in a campaign's folder; what cannot be read is told to complain and left out."""
    definition, figures = (
        _parsed(folder / name, _whole(folder / name), complain) for name in ("campaign.yml", PUBLISHED_FIGURES)
    )
    lines = _whole(folder / "sessions.jsonl").splitlines()
    sessions = [_parsed(folder / "sessions.jsonl", line, complain) for line in lines]
    return Surroundings(definition, [session for session in sessions if session], figures)


def campaign_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of the campaign that some records are of."""
    return ", ".join(sorted({record["campaign"] for record in records})) or "without runs"


def _whole(path: Path) -> str:
    """Return a file's text; nothing if there is no such file."""
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _parsed(path: Path, text: str, complain: Callable[[str], None] | None) -> dict[str, Any]:
    """Return the mapping that a text holds; empty if it holds none."""
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if complain is not None:
        complain(f"{path} is not as a campaign wrote it, so the report lacks what it would say: restore it.")
    return {}


def _text(value: Any) -> str:
    """Return a setting as people write it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return " and ".join(f"{key} {_text(part)}" for key, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
