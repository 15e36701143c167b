# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A daemon is stopped only if it was started here, and nobody has anything active in it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _libvirt_daemon


@pytest.mark.parametrize(
    ("ours", "active", "idle"), [([4711], [], True), ([], [], False), ([4711], ["qemu/one.xml"], False)]
)
def test_only_an_idle_daemon_of_ours_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: list[int], active: list[str], idle: bool
) -> None:
    for name in active:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(_libvirt_daemon, "_ACTIVE", (tmp_path / "qemu", tmp_path / "network"))
    monkeypatch.setattr(_libvirt_daemon, "_processes", lambda _program: ours)
    assert _libvirt_daemon.is_idle_and_ours() is idle


def test_a_socket_file_that_nobody_listens_at_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_libvirt_daemon, "_SOCKET", str(tmp_path / "socket"))
    assert not _libvirt_daemon.answers()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert not _libvirt_daemon.answers()
        listener.listen()
        assert _libvirt_daemon.answers()
