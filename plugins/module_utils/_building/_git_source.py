# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A commit of a git repository as the source of a component."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._tool import run_tool

# https://user:secret@host/path, or a token in the user's place; ssh's git@host:path has no secret in it.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<credentials>[^/@\s]+)@", re.I)


@dataclass(frozen=True)
class GitSource:
    """A commit of a repository.

    `submodules` are paths of other repositories' commits that belong into the tree; None refuses a commit that names
    any, since a tree without them might build something else, or nothing.
    """

    repository: str
    commit: str
    version: str
    submodules: tuple[str, ...] | None = None

    def identity(self) -> dict[str, Any]:
        further = {"submodules": sorted(self.submodules)} if self.submodules else {}
        return {"provider": "git", "version": self.version, "commit": self.commit, **further}

    def unpack(self, tree: Path) -> int:
        """Check the commit out into *tree*; return the time of the commit (since 1970)."""
        tree.mkdir(parents=True)
        shown = without_credentials(self.repository)
        failed = f"{shown} has no commit {self.commit} to fetch: set repository and commit of the source"
        git = ["git", "-C", str(tree), "-c", "advice.detachedHead=false"]
        self._run([*git, "init", "--quiet"], failed)
        # By this name relative addresses of submodules are understood.
        self._run([*git, "remote", "add", "origin", self.repository], failed)
        try:
            self._run([*git, "fetch", "--quiet", "--depth=1", "origin", self.commit], failed)
        except BuildError:
            # Not every server gives out a commit that is not the end of a branch.
            self._run([*git, "fetch", "--quiet", "origin", "+refs/*:refs/fetched/*"], failed)
        self._run([*git, "checkout", "--quiet", self.commit], failed)
        self._check_out_submodules(git, tree)
        return int(self._run([*git, "show", "--no-patch", "--format=%ct", self.commit], failed))

    def _check_out_submodules(self, git: list[str], tree: Path) -> None:
        listed = self._submodules_of(git) if (tree / ".gitmodules").is_file() else []
        if listed and self.submodules is None:
            raise BuildError(
                f"the commit {self.commit} has submodules ({', '.join(listed)}), which are not fetched unasked: set "
                "submodules of the source to those that the build needs, or to [] for none"
            )
        unknown = sorted(set(self.submodules or ()) - set(listed))
        if unknown:
            raise BuildError(
                f"the commit {self.commit} has no submodule {unknown[0]}: set submodules of the source to some of "
                f"{', '.join(listed) or 'none'}"
            )
        for path in self.submodules or ():
            failed = f"the submodule {path} of the commit {self.commit} cannot be fetched"
            self._run([*git, "submodule", "--quiet", "update", "--init", "--depth=1", "--", path], failed)

    def _submodules_of(self, git: list[str]) -> list[str]:
        failed = f"the submodules of the commit {self.commit} cannot be read"
        command = ["config", "--file=.gitmodules", "--get-regexp", r"^submodule\..*\.path$"]
        return sorted(line.split(maxsplit=1)[1] for line in self._run([*git, *command], failed).splitlines())

    def _run(self, argv: list[str], failed: str) -> str:
        """Run git; what it says of addresses is said without their credentials."""
        try:
            return run_tool(argv, failed)
        except BuildError as error:
            # Not even the cause, which a traceback would show, has them.
            raise BuildError(without_credentials(str(error))) from None


def without_credentials(text: str) -> str:
    """The text with *** in the place of user and password of each address in it."""
    return _CREDENTIALS.sub(r"\g<scheme>***@", text)


def credentials_of(address: str) -> set[str]:
    """What nobody may see of an address: its password, or a token without one, as written and decoded."""
    found = _CREDENTIALS.match(address)
    if found is None:
        return set()
    user, _colon, password = found["credentials"].partition(":")
    # Over SSH the user alone opens nothing.
    secret = password or (user if found["scheme"].lower().startswith("http") else "")
    return {secret, unquote(secret)} - {""}
