# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Links between the project's own texts lead somewhere."""

from __future__ import annotations

import re

import pytest

from lint._checkout import ROOT, text_files

TEXTS = [name for name in text_files() if name.endswith(".md")]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(text: str) -> set[str]:
    """Return the anchors that a renderer makes of the headings."""
    headings = re.findall(r"^#+ +(.+?) *#*$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_links_resolve(name: str) -> None:
    text = FENCE.sub("", text_files()[name])
    broken = []
    for match in LINK.finditer(text):
        target, anchor = [*(match[1] or match[2]).split("#", 1), ""][:2]
        if re.match(r"[a-z]+:", target):
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path.read_text())):
            broken.append(match[0])
    assert broken == []
