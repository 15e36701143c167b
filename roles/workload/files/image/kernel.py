# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The distribution's kernel package: which one it is, and its content."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from commands import run
from errors import BuildError


@dataclass(frozen=True)
class KernelPackage:
    """A package that holds a kernel image, as the package index describes it."""

    name: str
    version: str
    sha256: str

    @property
    def release(self) -> str:
        """What `uname -r` says on this kernel."""
        return self.name.removeprefix("linux-image-")


def find(name: str) -> KernelPackage:
    """Resolve a package name, or that of a package which only depends on the present kernel, by the package index."""
    fields = _show(name)
    match = re.search(r"\b(linux-image-\d[^\s,]*)", fields.get("Depends", ""))
    if match:
        fields = _show(match.group(1))
    return KernelPackage(name=fields["Package"], version=fields["Version"], sha256=fields["SHA256"])


def update_index() -> None:
    """Bring the package index up to date; an old one names versions that are gone from the archive."""
    with contextlib.suppress(BuildError):  # one broken source among others need not keep the kernel from being found
        run(["apt-get", "--quiet", "update"])


def unpack(package: KernelPackage, directory: Path) -> Path:
    """Download and unpack below an empty directory; returns the root of the unpacked tree."""
    run(["apt-get", "--quiet", "download", f"{package.name}={package.version}"], directory)
    archives = list(directory.glob("*.deb"))
    root = directory / "root"
    run(["dpkg-deb", "--extract", str(archives[0]), str(root)])
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")  # newer packages have the modules there only, and depmod looks in lib
    return root


def _show(name: str) -> dict[str, str]:
    """Fields of the candidate version."""
    try:
        text = run(["apt-cache", "show", "--no-all-versions", name])
    except BuildError as error:
        raise BuildError(
            f"the package index of the builder has no {name}: update it or set workload_kernel_package"
        ) from error
    fields = (line.partition(": ") for line in text.splitlines() if line and not line.startswith(" "))
    return {key: value for key, _separator, value in fields}
