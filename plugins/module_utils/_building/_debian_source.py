# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The distribution's sources, as its signed index describes them: source packages, and packages that hold a source."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._building._archive import unpack_archive
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._tool import run_tool
from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _archives

_FETCHER = "/usr/lib/apt/apt-helper"
# The index is read again after a day, as apt's own timers would.
_INDEX_LIFETIME_SECONDS = 86_400
# 'URI' NAME SIZE SHA256:SUM, a file a line; the description (.dsc) may lack a sum.
_FILE = re.compile(r"^'(?P<uri>[^']+)' (?P<name>\S+) (?P<size>\d+)(?: SHA256:(?P<sha256>[0-9a-f]{64}))?", re.M)


@dataclass(frozen=True)
class DebianSource:
    """One version of a source package; `files` are (URI, name, SHA-256 sum), `description` is the text of its .dsc.

    The description is made from the index, which is signed, and not fetched: mirrors were seen to lack it.
    """

    package: str
    version: str
    files: tuple[tuple[str, str, str], ...]
    description: str

    @classmethod
    def find(cls, package: str, suite: str, version: str, frozen: bool, index_folder: Path) -> DebianSource:
        """The newest version in *suite* (with its updates), or *version*; the index is kept in *index_folder*.

        A *frozen* suite is a snapshot, whose index may be older than its own date of expiry.
        """
        options = _read_index("deb-src", suite, frozen, index_folder / suite)
        wanted = f"{package}={version}" if version else package
        failed = f"the suite {suite} has no source package {wanted}: set package, suite and version of the source"
        printed = run_tool(["apt-get", *options, "source", "--print-uris", "--only-source", wanted], failed)
        files = [match.groupdict() for match in _FILE.finditer(printed)]
        named = next((file["name"] for file in files if file["name"].endswith(".dsc")), "")
        stanza = _stanza_with(named, run_tool(["apt-cache", *options, "showsrc", "--only-source", package], failed))
        if not named or stanza is None:
            raise BuildError(failed)
        found = re.search(r"^Version: (.+)$", stanza, re.M)
        return cls(
            package=package,
            version=found.group(1) if found else "",
            files=tuple(
                sorted((file["uri"], file["name"], file["sha256"]) for file in files if _is_needed(file["name"]))
            ),
            description=describe(stanza),
        )

    def identity(self) -> dict[str, Any]:
        sums = {name: sha256 for _uri, name, sha256 in self.files}
        return {"provider": "distro", "package": self.package, "version": self.version, "sha256": sums}

    def unpack(self, tree: Path) -> int:
        """Fetch, check and unpack into *tree*, Debian's patches applied; return the time of its changelog."""
        folder = tree.with_name("source")
        folder.mkdir(parents=True)
        for uri, name, sha256 in self.files:
            failed = f"{name} of the source package {self.package} cannot be fetched"
            run_tool([_FETCHER, "download-file", uri, str(folder / name), f"SHA256:{sha256}"], failed)
        description = folder / "source.dsc"
        description.write_text(self.description, encoding="utf-8")
        failed = f"the source package {self.package} cannot be unpacked"
        # Each file's sum is the signed index's, which the fetcher has checked.
        run_tool(["dpkg-source", "--no-check", "--extract", str(description), str(tree)], failed)
        return int(run_tool(["dpkg-parsechangelog", f"-l{tree}/debian/changelog", "-STimestamp"], failed))


@dataclass(frozen=True)
class PackagedSource:
    """A package that holds a source with Debian's patches as a tar file in /usr/src; `linux-source-6.12` is one."""

    package: str
    version: str
    uri: str
    name: str
    sha256: str

    @classmethod
    def find(cls, package: str, version: str, index_folder: Path) -> PackagedSource:
        """The newest version in the builder's own release, or *version*; the index is kept in *index_folder*."""
        suite = _own_release()
        options = _read_index("deb", suite, False, index_folder / f"{suite}-packages")
        wanted = f"{package}={version}" if version else package
        failed = f"the release {suite} has no package {wanted}: set package and version of the source"
        match = _FILE.search(run_tool(["apt-get", *options, "--print-uris", "download", wanted], failed))
        stanza = run_tool(["apt-cache", *options, "show", "--no-all-versions", wanted], failed)
        shown = re.search(r"^Version: (.+)$", stanza, re.M)
        if match is None or shown is None or not match["sha256"]:
            raise BuildError(failed)
        return cls(package, shown.group(1), match["uri"], match["name"], match["sha256"])

    def identity(self) -> dict[str, Any]:
        return {
            "provider": "distro",
            "package": self.package,
            "version": self.version,
            "sha256": {self.name: self.sha256},
        }

    def unpack(self, tree: Path) -> int:
        """Fetch, check and unpack into *tree*; return the time of its newest file (since 1970)."""
        folder = tree.with_name("source")
        folder.mkdir(parents=True)
        package = folder / self.name
        failed = f"the package {self.package} {self.version} cannot be fetched"
        run_tool([_FETCHER, "download-file", self.uri, str(package), f"SHA256:{self.sha256}"], failed)
        failed = f"the package {self.package} cannot be unpacked"
        run_tool(["dpkg-deb", "--extract", str(package), str(folder / "unpacked")], failed)
        archives = list((folder / "unpacked/usr/src").glob(f"{self.package}.tar*"))
        if len(archives) != 1:
            raise BuildError(
                f"the package {self.package} has no {self.package}.tar in /usr/src: name one that holds a source"
            )
        return unpack_archive(archives[0], tree)


def describe(stanza: str) -> str:
    """The text of a .dsc that has what dpkg-source asks for, without signatures of archives, which mirrors may lack."""
    kept = re.sub(r"^(Directory|Priority|Section):.*\n", "", stanza.strip() + "\n", flags=re.M)
    kept = re.sub(r"^ [0-9a-f]+ \d+ \S+\.(asc|dsc)\n", "", kept, flags=re.M)
    return re.sub(r"^Package:", "Source:", kept, count=1, flags=re.M)


def _is_needed(name: str) -> bool:
    """Not the description, which is made anew, nor an archive's signature: the index has signed all of them."""
    return not name.endswith((".dsc", ".asc"))


def _stanza_with(name: str, text: str) -> str | None:
    """The stanza of the index that lists the file *name*."""
    return next(
        (one for one in re.split(r"\n{2,}", text) if name and re.search(rf" {re.escape(name)}$", one, re.M)), None
    )


def _own_release() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.M)
    return found.group(1) if found else ""


def _read_index(kind: str, suite: str, frozen: bool, folder: Path) -> list[str]:
    """Options by which apt sees *suite*, where the builder's own packages come from, and no other.

    *kind* is deb-src for source packages and deb for others. The index is read again when it is a day old.
    """
    archives = _archives.read_archives()
    # Updates belong to the builder's own release; another suite is taken as it is.
    wanted = _archives.suites_of(suite, (), archives) if suite == _own_release() else [(archives["debian"], suite)]
    lines = [f"{kind} [signed-by={archive.keyring}] {archive.uri} {name} main" for archive, name in wanted]
    content = "\n".join(lines) + "\n"
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    listed, stamp = folder / "sources.list", folder / "read"
    options = [
        f"--option=Dir::Etc::SourceList={listed}",
        "--option=Dir::Etc::SourceParts=/dev/null",
        f"--option=Dir::State::Lists={folder}/lists",
        "--option=Dir::Cache::pkgcache=",
        "--option=Dir::Cache::srcpkgcache=",
        *(["--option=Acquire::Check-Valid-Until=false"] if frozen else []),
    ]
    fresh = stamp.exists() and time.time() - stamp.stat().st_mtime < _INDEX_LIFETIME_SECONDS
    if fresh and listed.is_file() and listed.read_text(encoding="utf-8") == content:
        return options
    listed.write_text(content, encoding="utf-8")
    failed = f"the index of {suite} cannot be read from where the builder's packages come"
    run_tool(["apt-get", *options, "--quiet", "--error-on=any", "update"], failed)
    stamp.touch()
    return options
