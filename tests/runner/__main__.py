# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Entry point: `python -m runner`, started by `make test`, with its wishes in the environment.

TEST_DEADLINE_MINUTES: no part is started that would not end in time (unset: no deadline).
FRESH=1: run every part, also those unchanged since they were green.
PARTS: names of the only parts to run, whether or not they changed.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from runner._inputs import Inputs, checkout_files
from runner._ledger import Ledger, default_folder
from runner._part import Part
from runner._parts import PARTS
from runner._session import Session

ROOT = Path(__file__).resolve().parents[2]


def deadline_minutes(text: str) -> float | None:
    """Return the deadline, None for an empty text; ValueError says what is wrong."""
    if not text:
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 < minutes < float("inf"):
        raise ValueError(f"TEST_DEADLINE_MINUTES is {text!r}; set a number of minutes above 0, or leave it unset.")
    return minutes


def select(names: Sequence[str], parts: Sequence[Part]) -> list[Part]:
    """Return the parts of these names, all of them without names; ValueError names the unknown ones."""
    known = {part.name: part for part in parts}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"PARTS names {', '.join(unknown)}; the parts are {', '.join(known)}.")
    return [known[name] for name in names] or list(parts)


def main() -> int:
    """Run the tests; return 0 if nothing failed, 1 on a failure, 2 on a wrong wish."""
    names = os.environ.get("PARTS", "").split()
    try:
        parts, deadline = select(names, PARTS), deadline_minutes(os.environ.get("TEST_DEADLINE_MINUTES", ""))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    output = ROOT / "tests" / "output"
    output.mkdir(parents=True, exist_ok=True)
    with (output / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another make test runs in this checkout; wait for it or stop it.", file=sys.stderr)
            return 2
        session = Session(
            root=ROOT,
            ledger=Ledger(default_folder()),
            inputs=lambda: Inputs(ROOT, checkout_files(ROOT)),
            fresh=bool(names) or os.environ.get("FRESH") == "1",
            deadline_minutes=deadline,
            say=partial(print, flush=True),
        )
        # Also where a shell started this in the background, and so with interrupts ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            green = session.run(parts)
        except KeyboardInterrupt:
            print("Interrupted; what ran so far:", flush=True)
            return 128 + signal.SIGINT
        finally:
            for line in session.failures:
                print(line, flush=True)
            (output / "summary.txt").write_text(f"{session.counts}\n")
            print(session.counts, flush=True)
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
