# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one QEMU: makes what it needs, starts it, and leaves nothing behind when it ends or is let go of.

Run as ``python -c SOURCE ORDER``, a JSON object: ``folder`` for QEMU's sockets, ``owner`` (user id, group id), ``tap``
(``name``, ``bridge``, ``address``) or null, ``outputs`` (files that QEMU appends to), and ``command``, which finds the
tap at descriptor 100.  QEMU is ended at the end of standard input, so by whatever ends the process that holds its other
end.  Says ``ready`` once QEMU is started; prints one JSON object at the end, ``{"status", "said"}``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

# High enough that nothing else of this process has it.
TAP_DESCRIPTOR = 100
_TUNSETIFF = 0x400454CA
_TAP, _NO_PACKET_INFORMATION, _OFFLOADS = 0x0002, 0x1000, 0x4000
_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"
_LOOK_SECONDS = 0.1
_PREDECESSOR_SECONDS = 10.0


def main(order: dict[str, Any]) -> None:
    """Keep QEMU for as long as it lives and is wanted."""
    folder = Path(order["folder"])
    lock = make_folder(folder, order["owner"])
    try:
        for output in order["outputs"]:
            open_output(Path(output), order["owner"])
        tap = make_tap(**order["tap"]) if order["tap"] else None
        with (folder / "said").open("w+b") as said:
            qemu = start(order["command"], tap, said)
            (folder / "pid").write_text(str(qemu.pid), encoding="ascii")
            say("ready")
            wait(qemu)
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()
        say(json.dumps({"status": qemu.returncode, "said": words[-1] if words else ""}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def make_folder(folder: Path, owner: tuple[int, int]) -> int:
    """Make QEMU's folder, whose lock is returned; one that a killed predecessor has left is taken over."""
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.stat().st_ino == os.fstat(lock).st_ino:
                break
        except (BlockingIOError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise SystemExit(f"{folder} is in use: another QEMU of this name is being kept.") from None
        os.close(lock)
        time.sleep(_LOOK_SECONDS)
    for stale in folder.iterdir():
        stale.unlink()
    os.chown(folder, *owner)
    folder.chmod(0o700)
    return lock


def open_output(path: Path, owner: tuple[int, int]) -> None:
    """Make a file that QEMU may append to, or let it append to the one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    os.chown(path, *owner)


def make_tap(name: str, bridge: str, address: str) -> int:
    """Make a tap on a bridge; the kernel takes it back as soon as nobody has its descriptor any more."""
    if not Path("/sys/class/net", bridge, "bridge").exists():
        raise SystemExit(f"There is no bridge {bridge}: set tenant_bridge to the host's bridge of the guests' network.")
    tap = os.open("/dev/net/tun", os.O_RDWR)
    request = struct.pack("16sH22x", name.encode(), _TAP | _NO_PACKET_INFORMATION | _OFFLOADS)
    try:
        fcntl.ioctl(tap, _TUNSETIFF, request)
    except OSError as error:
        raise SystemExit(
            f"The interface {name} cannot be made ({error.strerror}): is one of that name there?"
        ) from None
    mtu = Path("/sys/class/net", bridge, "mtu").read_text(encoding="ascii").strip()
    # An address of its own, and a high one: a bridge takes the lowest of its members' for its own.
    ip = shutil.which("ip", path=_PLACES) or "ip"
    command = [ip, "link", "set", "dev", name, "address", address, "mtu", mtu, "master", bridge, "up"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The interface {name} cannot be put on {bridge}: {done.stderr.strip()}")
    return tap


def start(command: list[str], tap: int | None, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start QEMU, which alone has the tap from then on."""
    kept: tuple[int, ...] = ()
    if tap is not None:
        os.dup2(tap, TAP_DESCRIPTOR)
        os.close(tap)
        kept = (TAP_DESCRIPTOR,)
    # For zero-copy, which locks memory; where it is not permitted, QEMU says so if it comes to that.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=kept)
    except OSError as error:
        raise SystemExit(f"{command[0]} cannot be started ({error.strerror}).") from None
    finally:
        for descriptor in kept:
            os.close(descriptor)


def wait(qemu: subprocess.Popen[bytes]) -> None:
    """Wait until QEMU has ended or is not wanted any more, and then end it."""
    while qemu.poll() is None and not select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
        continue
    qemu.kill()
    qemu.wait()


def say(line: str) -> None:
    """Tell the process that started this one a line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
