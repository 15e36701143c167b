# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands as soon as the process that started it lets go of it, be it by dying.

Run as ``python -c SOURCE COMMANDS``, a JSON array of commands.  Waits for the end of its standard input; ends with the
status of the first command that fails, and its message on standard error.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(commands: list[list[str]]) -> int:
    """Wait, then run all commands, also after one that failed; return the first status that is not 0."""
    sys.stdin.buffer.read()
    statuses = [subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode for command in commands]
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
