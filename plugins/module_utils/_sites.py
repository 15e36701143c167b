# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the cells that two sites have in common, and says of the others why they cannot be compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._archive import CHECKSUMS, measured
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Verdict
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, Record, cells, flat
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._replay import opened
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings, surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import gather
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# What names things of a site, is measured, or is told as drift, and so makes no other cell.
_OF_A_SITE = ("guest.name", "guest.domain", "guest.accelerator", "link.payload_mbit_per_second", "repetition")
# What a scaled replica has in common with its original in proportion only.
_SCALED = ("link.rate_mbit_per_second", "link.mtu", "workload.dirty_rate_mib_per_second", "time_limit_seconds")
_OF_MEMORY = ("guest.memory_mib", "workload.working_set_mib")


@dataclass(frozen=True)
class Site:
    """A campaign at one site. sha256 is that of its records."""

    records: Sequence[Record]
    around: Surroundings = field(default_factory=Surroundings)
    sha256: str = ""

    @property
    def campaign(self) -> str:
        """What the campaign is called there."""
        return ", ".join(sorted({str(record["campaign"]) for record in self.records})) or "without runs"

    @property
    def verdict(self) -> Verdict:
        """How the campaign is to be judged: what it fixed before its first run, or what a campaign fixes if nothing."""
        asked = self.around.definition.get("verdict")
        return Verdict(**asked) if isinstance(asked, Mapping) else Verdict()


@dataclass(frozen=True)
class Pair:
    """A cell at either site or at both; reason says why the two cannot be compared, and is empty if they can."""

    here: Cell | None
    there: Cell | None
    reason: str = ""

    @property
    def cell(self) -> Cell:
        """The cell here, or else the one there."""
        found = self.here or self.there
        if found is None:
            raise ValueError("a pair without a cell")
        return found


def other_site(path: Path, complain: Callable[[str], None] | None = None) -> Site:
    """Return the campaign in a bundle, which is checked, or in a plain folder; raises InstrumentError without one."""
    if not path.exists():
        raise InstrumentError(f"There is no {path}: set compare to another site's bundle or folder.")
    if path.is_dir() and not (path / CHECKSUMS).exists():
        return site(path, complain)
    with opened(path) as folder:
        return site(folder, complain)


def site(folder: Path, complain: Callable[[str], None] | None = None) -> Site:
    """Return the campaign in a folder."""
    runs = folder / "runs.jsonl"
    if not runs.exists():
        raise InstrumentError(f"There is no {runs}: set compare to another site's bundle or folder.")
    return Site(gather(runs, complain), surroundings(folder, complain), measured(runs)[1])


def pairs(here: Site, there: Site) -> list[Pair]:
    """Return all cells of both sites, those that belong together as one; each stack of one with each of the other."""
    ours, theirs = cells(here.records), cells(there.records)
    matched: set[int] = set()
    found = []
    for cell in ours:
        alike = [other for other in theirs if _settings(other) == _settings(cell)]
        scaled = [other for other in theirs if _in_proportion(other) == _in_proportion(cell)]
        for other in alike or scaled[:1]:
            matched.add(id(other))
            found.append(Pair(cell, other, _obstacle(cell, other)))
        if not alike and not scaled:
            found.append(Pair(cell, None, "only measured here"))
    return found + [Pair(None, other, "only measured there") for other in theirs if id(other) not in matched]


def _obstacle(here: Cell, there: Cell) -> str:
    """Return why the figures of two cells of the same scenario mean different things; nothing if they do not."""
    one, other = _settings(here), _settings(there)
    if one != other:
        differing = [
            f"{key} {_plain(one.get(key))} here and {_plain(other.get(key))} there"
            for key in {**one, **other}
            if one.get(key) != other.get(key)
        ]
        return f"only a scaled replica, with {', '.join(differing)}"
    on_here, on_there = in_words(here.accelerators), in_words(there.accelerators)
    if on_here != on_there:
        return f"on {on_here or 'an unknown accelerator'} here and on {on_there or 'an unknown one'} there"
    return ""


def _settings(cell: Cell) -> dict[str, Any]:
    """Return what a cell was asked, whatever the site."""
    return {key: value for key, value in flat(cell.scenario.to_dict()).items() if key not in _OF_A_SITE}


def _plain(value: Any) -> str:
    """Return a setting as people write it."""
    return number(value) if isinstance(value, (int, float)) else str(value)


def _in_proportion(cell: Cell) -> str:
    """Return what a cell was asked, in proportion to its link and its guest's memory."""
    known: dict[str, Any] = flat(cell.scenario.to_dict())
    share, memory, working_set = cell.scenario.dirty_rate_of_link, *(known.get(key) for key in _OF_MEMORY)
    settings = {key: value for key, value in known.items() if key not in (*_OF_A_SITE, *_SCALED, *_OF_MEMORY)}
    settings["share of the link"] = None if share is None else round(share, 3)
    settings["share of the memory"] = round(working_set / memory, 3) if memory and working_set else None
    return json.dumps(settings, sort_keys=True)
