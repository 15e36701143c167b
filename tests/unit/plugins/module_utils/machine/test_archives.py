# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The machine's own archives out of what apt says about them."""

from __future__ import annotations

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _archives

MIRROR = "http://mirror.example/debian"
TARGETS = f"""\
Debian|Debian-Security|main|{MIRROR}-security/|$(SIGNED_BY)
Debian|Debian|main|{MIRROR}/|/usr/share/keyrings/site.gpg
Debian|Debian|main|http://second.example/debian/|
Debian|Debian|contrib|{MIRROR}/|
Other|Debian|main|http://other.example/|
"""


def test_archives_are_recognised_by_their_release_files() -> None:
    archives = _archives.parse_index_targets(TARGETS)
    assert set(archives) == {"debian", "debian-security"}
    assert (archives["debian"].uri, archives["debian"].keyring) == (MIRROR, "/usr/share/keyrings/site.gpg")
    assert archives["debian-security"].keyring == _archives.DEFAULT_KEYRING


def test_security_updates_come_where_the_machine_has_them() -> None:
    archives = _archives.parse_index_targets(TARGETS)
    suites = [suite for _archive, suite in _archives.suites_of("trixie", ["trixie-backports"], archives)]
    assert suites == ["trixie", "trixie-updates", "trixie-backports", "trixie-security"]
    del archives["debian-security"]
    assert [suite for _archive, suite in _archives.suites_of("trixie", [], archives)] == ["trixie", "trixie-updates"]


def test_the_proxy_is_taken_from_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"Acquire::http::Proxy": "value='http://proxy.example:3128'\n", "Acquire::https::Proxy": ""}
    monkeypatch.setattr(_archives, "run", lambda argv: told[argv[-1]])
    assert _archives.read_proxy_options() == ['Acquire::http::Proxy "http://proxy.example:3128"']
