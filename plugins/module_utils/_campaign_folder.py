# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign's folder on the observer: what it was asked, its sessions, its progress, and one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import EXTENSIBLE, Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError, RecordError


class CampaignFolder:
    """The folder ``results/<campaign>``, which is made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def runs(self) -> Path:
        """The records of all runs."""
        return self.path / "runs.jsonl"

    @property
    def progress(self) -> Path:
        """What a campaign says while it runs, one line a run."""
        return self.path / "progress.log"

    def check(self, definition: Definition, site: Mapping[str, Any]) -> None:
        """Raise RecordError unless the folder is free or holds the same campaign at the same site; changes nothing."""
        _record.prepare(self.runs)
        held, asked = self._asked_before(), _as_asked(definition, site)
        for key in sorted({*asked, *held} - {*EXTENSIBLE, "left_out"}) if held else ():
            # What a folder from before there was such a key does not have, it did not ask for.
            if (held.get(key) or None) != (asked.get(key) or None):
                raise RecordError(
                    f"{self.path} holds a campaign with another {key} ({json.dumps(held.get(key))[:200]}) than the one"
                    f" asked for ({json.dumps(asked.get(key))[:200]}): set another campaign_name, or ask for the same."
                )

    def claim(
        self, definition: Definition, site: Mapping[str, Any], left_out: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Write down what is asked, before the first run, for every later session and for the report.

        left_out are the cells that cannot be measured, as they are now: other hosts or another stack may do them.
        """
        asked = {**_as_asked(definition, site), "left_out": list(left_out)}
        _record.write_whole(self._definition, json.dumps(asked, indent=2) + "\n")

    @property
    def _definition(self) -> Path:
        """What was asked, as JSON, which is YAML."""
        return self.path / "campaign.yml"

    def _asked_before(self) -> dict[str, Any]:
        """What was asked of this folder by earlier sessions; empty before the first."""
        try:
            asked = json.loads(self._definition.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise RecordError(
                f"{self._definition} is not as a campaign wrote it: restore it, or set another campaign_name."
            )
        return asked

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other campaigns out of the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.progress, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise InstrumentError(
                f"Another campaign writes to {self.path}: wait for it to end, or set another campaign_name."
            ) from None
        finally:
            os.close(descriptor)

    def say(self, line: str) -> None:
        """Tell what goes on, with the time."""
        with self.progress.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().astimezone().strftime('%H:%M:%S')} {line}\n")

    def add_session(self, session: Mapping[str, Any]) -> None:
        """Keep what a session took."""
        with (self.path / "sessions.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(session) + "\n")


def _as_asked(definition: Definition, site: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked, in JSON types throughout, so that it can be compared with what was read."""
    asked: dict[str, Any] = json.loads(json.dumps({**definition.to_dict(), "site": dict(site)}))
    return asked
