# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Files that hold a source, and their sums."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._building._tool import run_tool


def file_sha256(path: Path) -> str:
    """The SHA-256 sum of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def unpack_archive(archive: Path, tree: Path) -> int:
    """Unpack into *tree*, without the folder that all is in; return the time of its newest file (since 1970)."""
    unpacking = tree.with_name(f"{tree.name}.unpacking")
    unpacking.mkdir(parents=True)
    failed = f"{archive} cannot be unpacked"
    run_tool(["tar", "--extract", f"--file={archive}", f"--directory={unpacking}", "--no-same-owner"], failed)
    inner = list(unpacking.iterdir())
    if len(inner) == 1 and inner[0].is_dir():
        inner[0].rename(tree)
        unpacking.rmdir()
    else:
        unpacking.rename(tree)
    return int(max(path.lstat().st_mtime for path in tree.rglob("*") if not path.is_dir()))
