# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Finished builds, one folder for each digest."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "workload.json"
_KEPT = 3


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep a second builder out of the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(directory: Path, digest: str) -> dict[str, Any] | None:
    """Return the manifest of a finished build, None when there is none."""
    path = directory / digest / MANIFEST
    manifest: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return manifest


def store(directory: Path, build: Path, manifest: dict[str, Any]) -> None:
    """Move a build folder into the cache in one step, then drop all but the newest few."""
    (build / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    for path in build.iterdir():
        path.chmod(0o644)
    build.chmod(0o755)
    target = directory / str(manifest["digest"])
    shutil.rmtree(target, ignore_errors=True)
    build.rename(target)
    finished = sorted(directory.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime)
    for path in finished[:-_KEPT]:
        shutil.rmtree(path.parent)
