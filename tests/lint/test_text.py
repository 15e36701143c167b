# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Rules that hold for the text of every file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from lint._checkout import ROOT, text_files

# Texts for readers, data and generated files carry no header; the licence itself neither.
WITHOUT_HEADER = re.compile(r".*\.(md|csv|json|svg|patch)|LICENSE|MAINTAINERS|changelogs/changelog\.yaml|.*/py\.typed")
WITH_TABS = re.compile(r"(.*/)?Makefile|.*\.(c|h|mk|patch)|LICENSE")
CODE = re.compile(r".*\.(py|yml|yaml|c|h|sh|j2)")
MAX_LINES = 400

FORBIDDEN = {
    "a package mirror or registry": r"deb\.debian\.org|security\.debian\.org|snapshot\.debian\.org|archive\.ubuntu\.com"
    r"|\bpypi\.org|pythonhosted\.org|galaxy\.ansible\.com|registry\.npmjs\.org|\bquay\.io|\bdocker\.io|\bghcr\.io",
    "work left over": r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b",
    "the number of an issue": r"(?i)\bissues? #?[0-9]+\b",
}


def offenders(is_wrong: Callable[[str, str], object]) -> list[str]:
    return [name for name, text in text_files().items() if is_wrong(name, text)]


def places(pattern: str) -> list[str]:
    found = []
    for name, text in text_files().items():
        lines = text.splitlines() if name != "LICENSE" else []
        found += [
            f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if re.search(pattern, line)
        ]
    return found


def machine_hosts() -> set[str]:
    """Return the hosts that this machine gets its packages from."""
    commands = [[sys.executable, "-m", "pip", "config", "list"]]
    if shutil.which("apt-get"):
        commands.append(["apt-get", "indextargets", "--format", "$(SITE)"])
    told = "".join(subprocess.run(command, check=False, capture_output=True, text=True).stdout for command in commands)
    return set(re.findall(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9.-]+)", told)) - {"localhost"}


def test_every_file_states_its_licence_and_its_authors() -> None:
    wanted = ("SPDX-License-Identifier: GPL-3.0-or-later", "Copyright (c) 2026, the stsm.live_migration authors")

    def lacks_header(name: str, text: str) -> bool:
        head = "\n".join(text.splitlines()[:8])
        return bool(text) and not WITHOUT_HEADER.fullmatch(name) and not all(line in head for line in wanted)

    assert offenders(lacks_header) == []


def test_files_end_with_one_newline_and_no_line_with_blanks() -> None:
    # A patch ends as git ends it, and a line of one blank is an empty line that stays as it is.
    def is_patch(name: str) -> bool:
        return name.endswith(".patch")

    assert offenders(lambda _, text: text and not text.endswith("\n")) == []
    assert offenders(lambda name, text: text.endswith("\n\n") and not is_patch(name)) == []
    blanks = offenders(lambda name, text: re.search(r"[ \t]+$", text, re.M) and not is_patch(name))
    assert [name for name in blanks if name != "LICENSE"] == []


def test_no_tabs() -> None:
    assert offenders(lambda name, text: "\t" in text and not WITH_TABS.fullmatch(name)) == []


def test_a_file_fits_a_few_screens() -> None:
    assert offenders(lambda name, text: CODE.fullmatch(name) and text.count("\n") > MAX_LINES) == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_names(what: str) -> None:
    assert places(FORBIDDEN[what]) == []


def test_nothing_names_this_machine() -> None:
    names = [re.escape(host) for host in sorted(machine_hosts())]
    if len(ROOT.parts) > 2:  # a checkout at /x says nothing: a file may well mean another /x
        names.append(rf"(?<![\w.]){re.escape(str(ROOT))}\b")
    assert [place for pattern in names for place in places(pattern)] == []
