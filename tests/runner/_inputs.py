# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Digests of what a part's result depends on."""

from __future__ import annotations

import hashlib
import platform
import site
import subprocess
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from runner._part import Part

COMMON = ("requirements.txt", "test-requirements.txt", "bindep.txt", "tools/environment", "Makefile", "ansible.cfg")


def checkout_files(root: Path) -> list[str]:
    """Return all files that are or could be committed, relative to root, sorted."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in set(listed.split("\0")) if name and (root / name).is_file())


@cache
def environment_fingerprint() -> str:
    """Return what else decides over results: distribution, kernel, Python and each installed package's version."""
    release = Path("/etc/os-release")
    system = [release.read_text() if release.exists() else "", platform.release(), platform.python_version()]
    packages = sorted(path.name for folder in site.getsitepackages() for path in Path(folder).glob("*.dist-info"))
    return "\n".join([*system, *packages])


class Inputs:
    """The files of a checkout at one moment, each read at most once."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._root = root
        self._files = tuple(files)
        self._digests: dict[str, bytes] = {}

    def digest(self, part: Part) -> str:
        """Return the digest of a part's command, of the files that its globs match, and of the environment."""
        patterns = (*COMMON, *part.inputs)
        total = hashlib.sha256(f"{part.command!r}\n{environment_fingerprint()}\n".encode())
        for name in self._files:
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                total.update(f"{name}\0".encode() + self._file_digest(name))
        return total.hexdigest()

    def _file_digest(self, name: str) -> bytes:
        if name not in self._digests:
            self._digests[name] = hashlib.sha256((self._root / name).read_bytes()).digest()
        return self._digests[name]
