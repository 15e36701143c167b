# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage is tried and measured; here the hosts are this machine, with folders that are the same or not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _guest_storage
from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _shared_folder
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario


class Connection:
    """A host whose folder of a name lies below *root*."""

    def __init__(self, name: str, root: Path, folder: str) -> None:
        self.host = SimpleNamespace(name=name, shared_folder=folder)
        self._root = root

    def call(self, method: str, folder: str, **arguments: Any) -> Any:
        if method == "free_mib":
            return 3 * 1024
        return getattr(_shared_folder, method)(folder=f"{self._root}{folder}", **arguments)


def scenario(storage: str, driver: str = "libvirt", disk_gib: float = 1) -> Scenario:
    guest = {"storage": storage, "disk_gib": disk_gib}
    workload = {"working_set_mib": 64, "dirty_rate_mib_per_second": 1}
    asked = {"guest": guest, "workload": workload, "link": {"rate_mbit_per_second": 1000}, "driver": driver}
    return Scenario.from_dict({**asked, "strategy": {"name": "pre-copy"}})


def words(asked: Scenario, tmp_path: Path, other: str = "", folders: tuple[str, str] = ("/images", "/images")) -> str:
    """What is said of two hosts, of which the second one's root is *other*."""
    for root in (tmp_path, tmp_path / other):
        for folder in ("/images", _guest_storage.INSTANCES):
            Path(f"{root}{folder}").mkdir(parents=True, exist_ok=True)
    pair: Any = [Connection("one", tmp_path, folders[0]), Connection("two", tmp_path / other, folders[1])]
    found = _guest_storage.obstacles(asked, pair)
    assert list(tmp_path.rglob(".stsm-*")) == []
    return " ".join(found)


def test_a_folder_of_both_is_found_to_be_one(tmp_path: Path) -> None:
    assert words(scenario("shared"), tmp_path) == ""
    assert words(scenario("local"), tmp_path) == ""
    assert words(scenario("shared", "nova"), tmp_path) == ""


def test_folders_of_one_name_on_two_hosts_are_told_apart(tmp_path: Path) -> None:
    assert "one and two do not share /images, where" in words(scenario("shared"), tmp_path, "other")
    assert "do not share /var/lib/nova/instances" in words(scenario("shared", "nova"), tmp_path, "other")
    assert words(scenario("local", "nova"), tmp_path, "other") == ""


def test_folders_of_two_names_or_none_are_not_shared(tmp_path: Path) -> None:
    two = words(scenario("shared"), tmp_path, folders=("/images", "/pictures"))
    assert "one and two do not share /images and /pictures, where" in two
    assert "do not share /missing" in words(scenario("shared"), tmp_path, folders=("/missing", "/missing"))


def test_nova_would_not_copy_a_local_disk_that_is_shared(tmp_path: Path) -> None:
    assert "so that Nova copies no disk: set guest.storage to shared." in words(scenario("local", "nova"), tmp_path)


def test_a_folder_that_cannot_be_written_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(AgentError, match=f"Nothing can be written to {tmp_path} .Permission denied.: let root"):
        _shared_folder.leave_mark(str(tmp_path))


def test_nova_counts_disks_by_their_size(tmp_path: Path) -> None:
    assert words(scenario("local", "nova", disk_gib=2.5), tmp_path, "other") == ""
    told = words(scenario("local", "nova", disk_gib=3.5), tmp_path, "other")
    assert "one has 3 GiB free in /var/lib/nova/instances, and the guests' disks have 4 GiB: make room" in told
