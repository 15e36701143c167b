# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""How far a step has come, told for somebody who watches."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator

# ninja's own count, and the lines in which kbuild names what it has made: "  CC      kernel/fork.o", "  LD [M]  x.ko".
_NINJA = re.compile(r"^\[(\d+)/(\d+)\]")
_KBUILD = re.compile(r"^\s+(?:CC|AS|LD|AR|HOSTCC|HOSTLD|OBJCOPY|GEN|UPD)\b")
# Somebody who watches is told at least this often; the promise is 15 s.
TELL_SECONDS = 10.0
_TELLING_SHARE = 0.03


class Progress:
    """Counts the objects in a step's output and tells of them every `TELL_SECONDS`.

    `objects` is how many a step of kbuild will make; ninja says so itself. A step that names no objects is told by its
    time and its last line.
    """

    def __init__(
        self,
        what: str,
        say: Callable[[str], None],
        objects: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._say = say
        self._clock = clock
        self._objects = objects
        self._done = 0
        self._last = ""
        self._started = self._told = clock()

    def read(self, line: str) -> None:
        """Take notice of a line of the output."""
        self._last = line.strip() or self._last
        ninja = _NINJA.match(line)
        if ninja:
            self._done, self._objects = int(ninja.group(1)), int(ninja.group(2))
        elif self._objects is not None and _KBUILD.match(line):
            self._done += 1

    def tell_when_due(self) -> None:
        if self._clock() - self._told >= TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        self._told = self._clock()
        self._say(self.line())

    def line(self) -> str:
        """The state in one line, such as "compile: 120 of 900 objects, 2.0 min so far, about 13.0 min left"."""
        seconds = self._clock() - self._started
        so_far = f"{_minutes(seconds)} so far"
        if not self._objects:
            return f"{self._what}: {so_far}; {self._last[:100]}".rstrip("; ")
        # A count that was only estimated may be passed.
        done = min(self._done, self._objects)
        text = f"{self._what}: {done} of {self._objects} objects, {so_far}"
        # The first ones tell little of the others.
        if _TELLING_SHARE * self._objects <= done < self._objects:
            text += f", about {_minutes(seconds * (self._objects - done) / done)} left"
        return text


@contextmanager
def ticking(progress: Progress) -> Iterator[None]:
    """Tell of a step that shows no output: when it begins, and whenever it is due."""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(1.0):
            progress.tell_when_due()

    progress.tell()
    ticker = threading.Thread(target=tick, name="progress", daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
