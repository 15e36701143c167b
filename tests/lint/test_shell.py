# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Shell scripts pass shellcheck."""

from __future__ import annotations

import re
import subprocess

import pytest

from lint._checkout import ROOT, text_files

SHEBANG = re.compile(r"#!.*\b(?:ba|da)?sh\b")
SCRIPTS = [
    name
    for name, text in text_files().items()
    if not name.endswith(".j2") and (name.endswith(".sh") or SHEBANG.match(text))
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck(name: str) -> None:
    result = subprocess.run(["shellcheck", name], cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
