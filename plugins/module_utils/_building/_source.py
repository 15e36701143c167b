# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Where a component's source comes from: the distribution's source package, an archive, or a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Union

from ansible_collections.stsm.live_migration.plugins.module_utils._building._archive import file_sha256, unpack_archive
from ansible_collections.stsm.live_migration.plugins.module_utils._building._debian_source import (
    DebianSource,
    PackagedSource,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._git_source import GitSource

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Packages that hold a source are called so.
_PACKAGED = re.compile(r"linux-source-[0-9.]+")


@dataclass(frozen=True)
class ArchiveSource:
    """A tar file on the builder."""

    path: Path
    sha256: str
    version: str

    def identity(self) -> dict[str, Any]:
        return {"provider": "archive", "version": self.version, "sha256": self.sha256}

    def unpack(self, tree: Path) -> int:
        """Check and unpack into *tree*; return the time of its newest file (since 1970)."""
        if not self.path.is_file():
            raise BuildError(f"there is no archive {self.path}: lay it there, or set another path of the source")
        found = file_sha256(self.path)
        if found != self.sha256:
            raise BuildError(
                f"the archive {self.path} has the SHA-256 sum {found}, but {self.sha256} is asked for: "
                "get the archive again, or set sha256 of the source to what it should be"
            )
        return unpack_archive(self.path, tree)


Source = Union[ArchiveSource, DebianSource, GitSource, PackagedSource]


def make_source(options: Mapping[str, Any], index_folder: Path) -> Source:
    """The source that a module's options describe; the distribution's is looked up in its signed index."""
    provider = options["provider"]
    if provider == "distro":
        package, version = options["package"], options["version"]
        if _PACKAGED.fullmatch(package):
            return PackagedSource.find(package, version, index_folder)
        _require(options, "suite", "it has the source package")
        return DebianSource.find(package, options["suite"], version, options["frozen"], index_folder)
    _require(options, "version", "it names the packages")
    if provider == "archive":
        _require(options, "path", "it is the archive")
        if not _SHA256.fullmatch(options["sha256"]):
            raise BuildError(f"sha256 of the source is {options['sha256']!r}: set the 64 digits of the archive's sum")
        return ArchiveSource(Path(options["path"]), options["sha256"], options["version"])
    _require(options, "repository", "it is where the commit is")
    if not _COMMIT.fullmatch(options["commit"]):
        raise BuildError(
            f"commit of the source is {options['commit']!r}: set all 40 digits, since a branch or a tag may move"
        )
    submodules = options["submodules"]
    return GitSource(
        options["repository"], options["commit"], options["version"], None if submodules is None else tuple(submodules)
    )


def _require(options: Mapping[str, Any], name: str, why: str) -> None:
    if not options[name]:
        raise BuildError(f"{name} of the source is not set for the provider {options['provider']}: {why}")
