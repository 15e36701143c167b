# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Boot the installed guest once and wait until it says that it is ready.

Prints {"ready_seconds": float, "ready": the guest's first line}; ends with 1 and one sentence when it did not come up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.05


def _qemu(directory: Path, results: Path, console: Path) -> list[str]:
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none"),
        *("-machine", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "512"),
        *("-kernel", str(directory / "vmlinux"), "-initrd", str(directory / "initrd.img")),
        *("-append", "stsm.working_set_mib=64 quiet console=ttyS0", "-serial", f"file:{console}"),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"file,id=results,path={results}", "-chardev", "null,id=control"),
        *("-device", "virtserialport,chardev=results,name=org.stsm.results"),
        *("-device", "virtserialport,chardev=control,name=org.stsm.control"),
    ]


def _first_line(results: Path) -> dict[str, Any] | None:
    text = results.read_text() if results.exists() else ""
    line: dict[str, Any] | None = json.loads(text.splitlines()[0]) if "\n" in text else None
    return line


def _boot(directory: Path, seconds: float) -> dict[str, Any] | None:
    """Return the guest's first line, None when the time is up or QEMU has ended; its words are on standard error."""
    with tempfile.TemporaryDirectory() as name:
        results, console = Path(name, "results"), Path(name, "console")
        end = time.monotonic() + seconds
        process = subprocess.Popen(_qemu(directory, results, console), stdout=subprocess.DEVNULL)
        try:
            while time.monotonic() < end and process.poll() is None and _first_line(results) is None:
                time.sleep(_POLL_SECONDS)
            line = _first_line(results)
        finally:
            process.kill()
            process.wait()
        if line is None and console.exists():
            print(console.read_text(errors="replace")[-1000:], file=sys.stderr)
        return line


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Boot the installed guest once.")
    parser.add_argument("--directory", type=Path, required=True, help="folder with vmlinux and initrd.img")
    parser.add_argument("--seconds", type=float, required=True, help="how long the boot may take")
    arguments = parser.parse_args()
    start = time.monotonic()
    try:
        ready = _boot(arguments.directory, arguments.seconds)
    except FileNotFoundError as error:
        print(f"{error.filename} was not found: install QEMU for x86_64 on this host", file=sys.stderr)
        return 1
    if ready is None:
        print(f"the guest in {arguments.directory} was not ready within {arguments.seconds:g} s", file=sys.stderr)
        return 1
    print(json.dumps({"ready_seconds": round(time.monotonic() - start, 2), "ready": ready}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
