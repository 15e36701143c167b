# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The guest's initrd: a cpio archive in the format `newc`, the same bytes for the same input."""

from __future__ import annotations

import stat
from pathlib import Path

from commands import run

_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "virtio_net")
_CONSOLE_MAJOR, _CONSOLE_MINOR = 5, 1


def build(program: Path, modules: list[Path]) -> bytes:
    """Pack the program as /init, and the modules with the order in which to load them."""
    order = "".join(f"/modules/{module.name}\n" for module in modules)
    entries = [_entry(name, stat.S_IFDIR | 0o755) for name in ("dev", "proc", "sys", "modules")]
    entries.append(_entry("dev/console", stat.S_IFCHR | 0o600, device=(_CONSOLE_MAJOR, _CONSOLE_MINOR)))
    entries.append(_entry("init", stat.S_IFREG | 0o755, program.read_bytes()))
    entries.append(_entry("modules/order", stat.S_IFREG | 0o644, order.encode()))
    entries.extend(_entry(f"modules/{module.name}", stat.S_IFREG | 0o644, module.read_bytes()) for module in modules)
    entries.append(_entry("TRAILER!!!", 0))
    return b"".join(entries)


def needed_modules(root: Path, release: str) -> list[Path]:
    """Files below root that the guest has to load, each after those it needs; what is built in is left out."""
    if not (root / "lib/modules" / release).is_dir():
        return []  # a kernel without loadable modules
    run(["depmod", "--basedir", str(root), release])
    modprobe = ["modprobe", "--config=/dev/null", f"--dirname={root}", f"--set-version={release}", "--show-depends"]
    files: list[Path] = []
    for module in _MODULES:
        lines = run([*modprobe, module])
        for line in lines.splitlines():
            action, _space, path = line.strip().partition(" ")
            if action == "insmod" and Path(path) not in files:
                files.append(Path(path))
    return files


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One member. Inode and time are 0; initrd unpacking minds only names without hard links."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
