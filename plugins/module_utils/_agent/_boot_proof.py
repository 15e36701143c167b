# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An accelerator is proven by a boot against the clock: a device node is no proof that it is of any use.

The clock is that of QEMU's own processor time, so that a host that is busy with other things is not taken for a slow
one; a guest that does nothing at all is stopped by the wall clock.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from ._errors import AgentError
from ._qemu import as_user

_WORKLOAD = Path("/var/lib/stsm-live-migration/workload")
_READY = b'"kind":"ready"'
_WALL_CLOCK_SHARE = 3
_LOOK_SECONDS = 0.2


def boot_proof(emulator: str, accelerator: str, limit_seconds: float) -> dict[str, Any]:
    """Boot the workload guest: ``{"seconds": of processor time or None if it was not ready, "said": why it ended}``."""
    kernel, initrd = _WORKLOAD / "vmlinux", _WORKLOAD / "initrd.img"
    if not (kernel.exists() and initrd.exists()):
        raise AgentError(
            f"There is no guest in {_WORKLOAD} to prove the accelerator {accelerator} with: "
            "deploy the workload (playbook deploy)."
        )
    command = [
        *(emulator, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none"),
        *("-machine", "q35", "-accel", accelerator, "-m", "192"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", "stsm.working_set_mib=16 stsm.seed=1 quiet"),
        *("-device", "virtio-serial-pci", "-chardev", "stdio,id=results,signal=off", "-chardev", "null,id=control"),
        *("-device", "virtserialport,chardev=results,name=org.stsm.results"),
        *("-device", "virtserialport,chardev=control,name=org.stsm.control"),
    ]
    with tempfile.TemporaryFile() as complaints:
        # Standard input stays open: at its end QEMU would take the port for closed, and the guest could say nothing.
        process = subprocess.Popen(as_user(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints)
        try:
            is_ready = process.stdout is not None and _hears_ready(process.stdout, process.pid, limit_seconds)
            seconds = round(_processor_seconds(process.pid), 1)
        finally:
            process.kill()
            process.communicate()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().splitlines()
    # Of a QEMU that was stopped here, the last words are warnings and no reason.
    ended_itself = process.returncode != -signal.SIGKILL
    return {"seconds": seconds if is_ready else None, "said": said[-1] if said and ended_itself else ""}


def _hears_ready(results: IO[bytes], pid: int, limit_seconds: float) -> bool:
    """Whether the guest says that it is ready within the limit, and before QEMU ends."""
    deadline = time.monotonic() + limit_seconds * _WALL_CLOCK_SHARE
    heard = b""
    while _READY not in heard:
        if _processor_seconds(pid) > limit_seconds or time.monotonic() > deadline:
            return False
        if select.select([results], [], [], _LOOK_SECONDS)[0]:
            said = os.read(results.fileno(), 65536)
            if not said:
                return False
            heard += said
    return True


def _processor_seconds(pid: int) -> float:
    """What QEMU has used so far, its guest included; a process that has ended and was not waited for still tells."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
