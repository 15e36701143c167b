# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Looks at a guest's Redis from outside.

``fill ADDRESS`` waits for it and writes values that nobody changes; ``digest ADDRESS`` prints one sha1 of all of them;
``count ADDRESS FILE`` adds one to a counter every 5 ms until FILE exists, and says how long an answer took at most and
whether each was the one after the last.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

PORT = 6379
BOOT_SECONDS = 600
PERIOD_SECONDS = 0.005
SILENCE_MS = 300
FILL = "for i = 1, 2048 do redis.call('SET', 'fixed:' .. i, string.rep(redis.sha1hex(i), 26)) end return 'done'"
DIGEST = (
    "local sum = '' for i = 1, 2048 do sum = redis.sha1hex(sum .. (redis.call('GET', 'fixed:' .. i) or '')) end "
    "return sum"
)


class Database:
    """One connection, spoken in Redis' own protocol."""

    def __init__(self, address: str) -> None:
        self._link = socket.create_connection((address, PORT), timeout=60)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._link.makefile("rb")

    def ask(self, *words: str) -> str:
        """The answer to one command, which is a number, a word or one text; RuntimeError for an error."""
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        self._link.sendall(b"*%d\r\n%s" % (len(words), parts))
        line = self._answers.readline().rstrip(b"\r\n")
        if not line or line.startswith(b"-"):
            raise RuntimeError(line.decode() or "the database ended the connection")
        if line.startswith(b"$"):
            return self._answers.read(int(line[1:]) + 2)[:-2].decode()
        return line[1:].decode()


def wait(address: str) -> Database:
    """A connection as soon as the guest has booted and its database is ready."""
    deadline = time.monotonic() + BOOT_SECONDS
    while True:
        try:
            database = Database(address)
            database.ask("PING")
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return database


def count(address: str, stop: Path) -> None:
    """Count until the file *stop* exists; it is removed then."""
    database = Database(address)
    before = int(database.ask("INCR", "observer:count"))
    answered, in_sequence, silences = 0, True, []
    while not stop.exists():
        asked = time.monotonic()
        now = int(database.ask("INCR", "observer:count"))
        took_ms = (time.monotonic() - asked) * 1000
        in_sequence = in_sequence and now == before + 1
        before, answered = now, answered + 1
        if took_ms > SILENCE_MS:
            silences.append(round(took_ms))
        time.sleep(max(0.0, PERIOD_SECONDS - took_ms / 1000))
    stop.unlink()
    print(json.dumps({"answered": answered, "in_sequence": in_sequence, f"answers_over_{SILENCE_MS}_ms": silences}))


def main(what: str, address: str, *more: str) -> None:
    """Do what is asked."""
    if what == "count":
        count(address, Path(*more))
        return
    database = wait(address)
    if what == "fill":
        database.ask("EVAL", FILL, "0")
    print(database.ask("EVAL", DIGEST, "0"))


if __name__ == "__main__":
    main(*sys.argv[1:])
