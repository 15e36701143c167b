# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The package archive the machine itself is configured with; no name of a mirror is written down anywhere else."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run

# The keyring that Debian's own archive is signed with, where apt's configuration does not name another.
DEFAULT_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_FIELDS = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)"
# The Release file's label tells the archive from its security archive, wherever a site mirrors them.
_LABELS = {"Debian": "debian", "Debian-Security": "debian-security"}
_PROXY_OPTIONS = ("Acquire::http::Proxy", "Acquire::https::Proxy")


@dataclass(frozen=True)
class Archive:
    """One archive: `name` is debian or debian-security, `keyring` a file on the machine."""

    name: str
    uri: str
    keyring: str


def parse_index_targets(text: str) -> dict[str, Archive]:
    """Archives by name from the output of `apt-get indextargets` in the format of `_FIELDS`.

    The first of a kind wins, as it does for apt. A signer that is no file (a fingerprint, or nothing) means Debian's
    own keyring.
    """
    archives: dict[str, Archive] = {}
    for line in text.splitlines():
        origin, label, component, uri, signed_by = line.split("|")
        name = _LABELS.get(label)
        if origin != "Debian" or name is None or component != "main" or name in archives:
            continue
        keyring = signed_by if signed_by.startswith("/") else DEFAULT_KEYRING
        archives[name] = Archive(name, uri.rstrip("/"), keyring)
    return archives


def read_archives() -> dict[str, Archive]:
    """The machine's archives by name; at least `debian`."""
    archives = parse_index_targets(run(["apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"]))
    if "debian" not in archives:
        raise MachineError(
            "apt on this machine lists no Debian archive with component main: "
            "configure one in /etc/apt/sources.list.d and run apt-get update"
        )
    missing = sorted({archive.keyring for archive in archives.values() if not Path(archive.keyring).is_file()})
    if missing:
        raise MachineError(f"the archive keyring {missing[0]} is missing: install debian-archive-keyring")
    return archives


def read_proxy_options() -> list[str]:
    """The machine's own proxy for packages, as options of apt; empty where there is none."""
    options: list[str] = []
    for name in _PROXY_OPTIONS:
        # One line in the shell's syntax: value='http://…'
        for word in shlex.split(run(["apt-config", "shell", "value", name])):
            value = word.partition("=")[2]
            options += [f'{name} "{value}"'] if value else []
    return options


def suites_of(suite: str, extra_suites: Sequence[str], archives: dict[str, Archive]) -> list[tuple[Archive, str]]:
    """Every (archive, suite) that a host of `suite` uses, security updates included where the machine has them."""
    wanted = [(archives["debian"], name) for name in (suite, f"{suite}-updates", *extra_suites)]
    if "debian-security" in archives:
        wanted.append((archives["debian-security"], f"{suite}-security"))
    return wanted
