# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Try a folder that hosts share the way QEMU uses it, as QEMU's user; one step a call.

Usage: shared_probe.py USER_ID FOLDER STEP [ARGUMENT...], as root, where STEP is
  write NAME USER      write a file and wait until it is kept for good; prints the word in it.  USER has to be USER_ID.
  read NAME=WORD ...   find these words in the files of these names
  hold                 lock a file, and keep it locked beyond this call until it is released, for 10 minutes at most
  release              give it up
  expect held|free     find the file locked, or not
Ends with one sentence where that is not what happens.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import struct
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable

HELD_AT_MOST_SECONDS = 600
# Hosts may know an old state of a file or a folder for as long as NFS lets them (acregmax, acdirmax).
PATIENCE_SECONDS = 90
POLL_SECONDS = 0.5
# struct flock; QEMU's locks of an image belong to the open file, too, and begin at this byte.
FLOCK, FIRST_BYTE = "hhqqi4x", 100


def write(folder: Path, name: str, _user: str) -> None:
    """Write a word that nobody can have guessed or kept."""
    word = secrets.token_hex(16)
    with (folder / name).open("w", encoding="ascii") as file:
        file.write(word)
        file.flush()
        os.fsync(file.fileno())
    print(word)


def read(folder: Path, *expected: str) -> None:
    """Find each word in its file."""
    for name, word in (one.split("=") for one in expected):
        found = wait_for(partial(content, folder / name), word, PATIENCE_SECONDS)
        if found != word:
            sys.exit(
                f"What {name} wrote is not to be seen here after {PATIENCE_SECONDS} s (found: {found or 'nothing'})."
            )


def hold(folder: Path) -> None:
    """Lock the file in a process of its own, which has done so when this one ends."""
    (folder / "held").touch()
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        if os.read(reader, 1) != b"+":
            sys.exit("The lock was refused.")
        return
    os.setsid()
    # Whoever started this waits until its streams are closed.
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    with (folder / "lock").open("a+b") as file:
        if lock(file.fileno()):
            os.write(writer, b"+")
            os.close(writer)
            wait_for((folder / "held").exists, False, HELD_AT_MOST_SECONDS)
    os._exit(0)


def release(folder: Path) -> None:
    """Let the process that holds the lock end."""
    (folder / "held").unlink()


def expect(folder: Path, wanted: str) -> None:
    """Find the file locked or free."""
    found = wait_for(partial(state, folder / "lock"), wanted, PATIENCE_SECONDS)
    if found != wanted:
        sys.exit(f"A file that another host {'holds' if wanted == 'held' else 'has given up'} is {found} here.")


def state(path: Path) -> str:
    """``"held"`` or ``"free"``."""
    with path.open("a+b") as file:
        return "free" if lock(file.fileno()) else "held"


def lock(descriptor: int) -> bool:
    """Whether the lock was given."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, FIRST_BYTE, 1, 0))
    except BlockingIOError:
        return False
    return True


def content(path: Path) -> str | None:
    """What is in a file, or None where there is none."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None


def wait_for(look: Callable[[], object], wanted: object, seconds: float) -> object:
    """Look until *wanted* is seen or the time is over; what was seen last."""
    end = time.monotonic() + seconds
    seen = look()
    while seen != wanted and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        seen = look()
    return seen


STEPS: dict[str, Callable[..., None]] = {
    "write": write,
    "read": read,
    "hold": hold,
    "release": release,
    "expect": expect,
}


def main(user_id: str, folder: str, step: str, *arguments: str) -> None:
    """Do one step as QEMU's user."""
    if step == "write":
        check_user(arguments[1], int(user_id))
    os.setgroups([])
    os.setgid(int(user_id))
    os.setuid(int(user_id))
    try:
        place = Path(folder, ".stsm-probe")
        place.mkdir(exist_ok=True)
        STEPS[step](place, *arguments)
    except OSError as error:
        sys.exit(f"QEMU's user cannot use {folder}: {error}.")


def check_user(name: str, user_id: int) -> None:
    """QEMU's user need not be there yet, but must not be somebody else."""
    try:
        found = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    if found != user_id:
        sys.exit(
            f"The user {name} has the number {found} here, but images belong to {user_id}: set shared_storage_user_id."
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
