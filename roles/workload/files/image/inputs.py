# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a build is made of, as one digest: an unchanged digest needs no build."""

from __future__ import annotations

import hashlib
from pathlib import Path

from commands import run
from kernel import KernelPackage


def digest(sources: Path, package: KernelPackage) -> str:
    """Return a SHA-256 in hexadecimal over the sources, the kernel package and the compiler with its C library."""
    total = hashlib.sha256()
    for path in sorted(sources.glob("*/*")):
        if path.is_file():
            total.update(f"{path.relative_to(sources)} {file_sha256(path)}\n".encode())
    total.update(f"{package.name} {package.version} {package.sha256}\n".encode())
    total.update(run(["cc", "--version"]).encode())
    total.update(run(["dpkg-query", "--show", "libc6-dev"]).encode())
    return total.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
