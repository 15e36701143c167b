# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Long-running programs of the provisioner: a transient unit where systemd is PID 1, a detached process elsewhere.

Either way it has a cgroup of its own, named after the unit. A program is recognised by its command line, read anew each
time: there is no PID file to be wrong after a kill -9.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _cgroups


def systemd_is_running() -> bool:
    """Whether systemd is the machine's PID 1, as sd_booted(3) tells it."""
    return Path("/run/systemd/system").is_dir()


def find(command: str, argument: str) -> list[int]:
    """Processes of the program `command` (name without folder, also after an interpreter) with this very argument."""
    found = []
    for pid in processes():
        words = _command_line(pid)
        if argument in words[1:] and command in (Path(word).name for word in words[:2]):
            found.append(pid)
    return found


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def start(unit: str, argv: Sequence[str], log: Path, properties: Sequence[str], environment: Mapping[str, str]) -> None:
    """Start a program that outlives this one; what it prints goes to `log`. `properties` are of systemd's unit."""
    if systemd_is_running():
        properties = [*properties, f"StandardOutput=append:{log}", "StandardError=inherit"]
        options = [f"--property={name}" for name in properties]
        options += [f"--setenv={name}={value}" for name, value in environment.items()]
        run(["systemd-run", f"--unit={unit}", "--collect", "--quiet", *options, *argv])
        return
    with log.open("ab") as output:
        subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Before the program begins, which looks where it is.
            preexec_fn=partial(_cgroups.enter, _cgroups.make(unit)),
            cwd="/",
            env={**_clean_environment(), **environment},
        )


def stop(pids: Iterable[int], signals: Sequence[signal.Signals], patience_seconds: float) -> list[int]:
    """Send the signals one after the other, each to what is still alive, waiting in between; those that survived."""
    alive = list(pids)
    for number in signals:
        for pid in alive:
            send(pid, number)
        deadline = time.monotonic() + patience_seconds
        while alive and time.monotonic() < deadline:
            alive = [pid for pid in alive if _is_alive(pid)]
            time.sleep(0.05)
    return alive


def forget(unit: str) -> None:
    """Let go of a unit whose program has ended, so that its name is free again."""
    if not systemd_is_running():
        _cgroups.remove(unit)
        return
    # Fails where systemd was quicker, which is as good.
    with contextlib.suppress(MachineError):
        run(["systemctl", "stop", unit])


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The state follows the name, which is in brackets and may hold anything; a zombie has ended.
    return status.rpartition(")")[2].split()[0] != "Z"


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1] or [""]
    except (FileNotFoundError, ProcessLookupError):
        return [""]


def _clean_environment() -> dict[str, str]:
    """Nothing of the caller's session goes into a program that outlives it."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}
