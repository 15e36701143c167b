# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The site's load: 50 values of 16 KiB a second into the database, among 2,048 keys."""

from __future__ import annotations

import os
import random
import socket
import time

WRITES_PER_SECOND = 50
VALUE_BYTES = 16384
KEYS = 2048


def main() -> None:
    """Write until the end."""
    with socket.create_connection(("127.0.0.1", 6379)) as link:
        due = time.monotonic()
        while True:
            value = os.urandom(VALUE_BYTES)
            key = b"load:%d" % random.randrange(KEYS)
            link.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value))
            if link.recv(64) != b"+OK\r\n":
                raise SystemExit("the database did not take a value")
            due += 1 / WRITES_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
