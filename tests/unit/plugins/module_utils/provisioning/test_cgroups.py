# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Each program has a cgroup of its own, and nothing but that goes with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _cgroups

HYBRID = """\
25 20 0:22 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
26 20 0:23 / /sys/fs/cgroup/systemd rw,relatime shared:9 - cgroup cgroup rw,xattr,name=systemd
27 20 0:24 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
28 20 0:24 / /somewhere/unified rw,relatime - cgroup2 cgroup2 rw
29 20 0:25 / / rw,relatime - overlay overlay rw
"""


def test_the_hierarchies_that_keep_processes_apart_are_found_once() -> None:
    assert _cgroups.parse_mounts(HYBRID) == [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]
    assert _cgroups.parse_mounts("26 20 0:23 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n") == []
    assert _cgroups.parse_mounts("29 20 0:25 / / rw,relatime - ext4 /dev/root rw\n") == []


@pytest.fixture
def mounts(tmp_path: Path) -> list[Path]:
    hierarchies = [tmp_path / "systemd", tmp_path / "unified"]
    for hierarchy in hierarchies:
        hierarchy.mkdir()
    return hierarchies


def test_a_unit_is_entered_in_every_hierarchy(mounts: list[Path]) -> None:
    made = _cgroups.make("t-one.service", mounts)
    assert made == [mount / "t-one.service" for mount in mounts] == _cgroups.make("t-one.service", mounts)
    _cgroups.enter(made)
    assert [(cgroup / "cgroup.procs").read_text() for cgroup in made] == ["0", "0"]


def test_a_hierarchy_that_refuses_is_left_out(mounts: list[Path], tmp_path: Path) -> None:
    assert _cgroups.make("t-one.service", [tmp_path / "none", mounts[0]]) == [mounts[0] / "t-one.service"]
    _cgroups.enter([tmp_path / "none"])


def test_a_unit_goes_with_all_below_it_and_without_its_neighbours(mounts: list[Path]) -> None:
    for unit in ("t-one.service", "t-two.service"):
        _cgroups.make(unit, mounts)
        (mounts[0] / unit / "payload" / "system.slice" / "ssh.service").mkdir(parents=True)
    for _again in range(2):
        _cgroups.remove("t-one.service", mounts)
        assert [path.name for mount in mounts for path in mount.iterdir()] == ["t-two.service"] * 2
    assert (mounts[0] / "t-two.service/payload/system.slice/ssh.service").is_dir()


def test_what_is_still_in_use_stays(mounts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cgroups, "_EMPTY_TIMEOUT_SECONDS", 0.1)
    (cgroup,) = _cgroups.make("t-one.service", mounts[:1])
    (cgroup / "payload").mkdir()
    # Stands for a process: a folder with a file cannot be removed either.
    (cgroup / "cgroup.procs").write_text("1")
    began = time.monotonic()
    _cgroups.remove("t-one.service", mounts)
    assert time.monotonic() - began < 2
    assert [path.name for path in cgroup.iterdir()] == ["cgroup.procs"]
