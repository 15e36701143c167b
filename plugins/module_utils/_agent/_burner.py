# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one processor busy for a share of its time, in a process of its own.

Run as ``python -c SOURCE SHARE PROCESSOR``.  Says ``ready`` once it begins; ends at the end of its standard input and
then prints one JSON object, ``{"share"}``: what it really used.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time

_PERIOD_SECONDS = 0.05


def main(share: float, processor: int) -> None:
    """Burn until standard input ends; what others keep from it is made up for only within a period."""
    os.sched_setaffinity(0, {processor})
    say("ready")
    began, began_used = time.monotonic(), time.thread_time()
    last, owed = began, 0.0
    ended = False
    while not ended:
        now = time.monotonic()
        owed = min(owed + share * (now - last), _PERIOD_SECONDS)
        last = now
        owed -= _burn(owed, now + _PERIOD_SECONDS)
        rest = max(0.0, now + _PERIOD_SECONDS - time.monotonic())
        ended = bool(select.select([sys.stdin], [], [], rest)[0])
    used = (time.thread_time() - began_used) / (time.monotonic() - began)
    say(json.dumps({"share": round(used, 4)}))


def _burn(seconds: float, until: float) -> float:
    """Use so many seconds of the processor, but not beyond a moment; returns how many."""
    began = time.thread_time()
    used = 0.0
    while used < seconds and time.monotonic() < until:
        used = time.thread_time() - began
    return used


def say(line: str) -> None:
    """Tell the process that started this one a line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
