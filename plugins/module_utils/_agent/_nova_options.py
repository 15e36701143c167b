# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nova-compute that runs on this host was given, read from the files that it was started with."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Iterable, Iterator

from ._errors import AgentError

_USUAL = ("/etc/nova/nova.conf", "/etc/nova/nova-compute.conf")
# Of names that do not say theirs.
_SECTION = "libvirt"


def nova_options(names: Iterable[str], processes: Path = Path("/proc")) -> dict[str, str]:
    """Those of *names* that its files set, as they stand there: ``name`` of the section libvirt, or ``SECTION.name``.

    The service's own view of the file system is read, so that it may live in a container of its own.
    """
    process = next(_services(processes), None)
    if process is None:
        raise AgentError("No nova-compute runs on the host: start it (systemctl start nova-compute).")
    # Unlike for this parser, DEFAULT is a section like any other for Nova.
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True, default_section="")
    for file in _files(process):
        try:
            parser.read_string((process / "root" / file.lstrip("/")).read_text(encoding="utf-8"), file)
        except (OSError, configparser.Error) as error:
            raise AgentError(f"The options of nova-compute cannot be read from {file} ({error}).") from None
    places = {name: (name.rpartition(".")[0] or _SECTION, name.rpartition(".")[2]) for name in names}
    return {name: parser.get(*place) or "" for name, place in places.items() if parser.has_option(*place)}


def _services(processes: Path) -> Iterator[Path]:
    for process in processes.glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"/nova-compute") for word in words[:2]):
            yield process


def _files(process: Path) -> list[str]:
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    given = [word.partition("=")[2] for word in words if word.startswith("--config-file=")]
    given += [after for word, after in zip(words, words[1:]) if word == "--config-file"]
    return given or [file for file in _USUAL if (process / "root" / file.lstrip("/")).exists()]
