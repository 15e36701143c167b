# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The language of a kernel's configuration, and whether a kernel has become what was asked for."""

from __future__ import annotations

import re
from typing import Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError

OFF = "n"
_SET = re.compile(r'(CONFIG_\w+)=(y|m|n|-?\d+|0x[0-9a-fA-F]+|"(?:[^"\\]|\\.)*")')
_NOT_SET = re.compile(r"# (CONFIG_\w+) is not set")
# lsmod's heading, and lines such as "virtio_net 98304 0 -".
_MODULE = re.compile(r"[\w-]+")
_HEADING = "Module"


def parse(text: str, where: str) -> dict[str, str]:
    """Options and their values, the last of a name counts; what is not set is `n`.

    BuildError names the first line that is neither a setting nor a comment, and *where* it stands.
    """
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        off = _NOT_SET.fullmatch(stripped)
        if off:
            settings[off.group(1)] = OFF
            continue
        if not stripped or stripped.startswith("#"):
            continue
        found = _SET.fullmatch(stripped)
        if found is None:
            raise BuildError(
                f"line {number} of {where} is '{stripped[:80]}', but a kernel's options are lines such as CONFIG_KSM=y "
                "or # CONFIG_KSM is not set: correct it"
            )
        settings[found.group(1)] = found.group(2)
    return settings


def render(settings: Mapping[str, str]) -> str:
    """The text that :func:`parse` reads as *settings*."""
    return "".join(
        f"# {name} is not set\n" if value == OFF else f"{name}={value}\n" for name, value in settings.items()
    )


def modules(listing: str) -> list[str]:
    """The names of the modules in what lsmod printed, sorted: sizes and users change from one look to the next."""
    names = {line.split()[0] for line in listing.splitlines() if line.strip()} - {_HEADING}
    wrong = sorted(name for name in names if not _MODULE.fullmatch(name))
    if wrong or not names:
        raise BuildError(
            f"the listing of modules {f'has a line that begins with {wrong[0]}' if wrong else 'is empty'}, "
            "but the output of lsmod is needed: set lsmod to it"
        )
    return sorted(names)


def check(asked: Sequence[tuple[str, Mapping[str, str]]], became: Mapping[str, str], version: str) -> None:
    """BuildError unless each option that was *asked* for (by whom, settings; the later counts) has its value.

    kconfig silently drops what this version does not know, or what needs an option that is off.
    """
    last: dict[str, tuple[str, str]] = {}
    for where, settings in asked:
        last.update({name: (where, value) for name, value in settings.items()})
    wrong = [
        f"{name} (asked by {where}: {value}, became: {became.get(name, OFF)})"
        for name, (where, value) in last.items()
        if became.get(name, OFF) != value
    ]
    if wrong:
        others = f", and {len(wrong) - 1} more: {', '.join(wrong[1:4])}" if wrong[1:] else ""
        raise BuildError(
            f"Linux {version} does not take {wrong[0]}{others}: set the options that it depends on, or leave it out"
        )
