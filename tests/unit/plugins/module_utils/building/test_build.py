# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A build is found by the digest of all its inputs, made whole or not at all, and never half."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _build, _deb
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._patches import Patch
from ansible_collections.stsm.live_migration.plugins.module_utils._building._qemu import QemuRecipe, upstream
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the steps of a build have a process namespace, made by root")

PATCH = Patch("0001-name.patch", "--- a/name\n+++ b/name\n@@ -1 +1 @@\n-one\n+two\n")


@dataclasses.dataclass(frozen=True)
class TinySource:
    """A source that needs no fetching."""

    version: str = "1.0"

    def identity(self) -> dict[str, Any]:
        return {"version": self.version}

    def unpack(self, tree: Path) -> int:
        tree.mkdir(parents=True)
        (tree / "name").write_text("one\n")
        return 1_700_000_000


class TinyRecipe:
    """Packs the source's one file, after a step that can fail."""

    DISK_MIB = 1

    def __init__(self, step: str = "true", options: int = 0) -> None:
        self._step = step
        self._options = options

    def inputs(self) -> dict[str, Any]:
        return {"options": self._options}

    def build(self, shop: Workshop) -> None:
        shop.run(["sh", "-c", self._step], cwd=shop.tree, what="compile")
        (shop.install / "etc").mkdir()
        (shop.install / "etc/tiny").write_text((shop.tree / "name").read_text())
        control = _deb.Control("tiny", _deb.package_version(shop.version, shop.digest), "A tiny package")
        _deb.make(shop, shop.install, control)


@pytest.fixture
def order(tmp_path: Path) -> _build.Order:
    return _build.Order("tiny", TinyRecipe(), TinySource(), (), tmp_path)  # type: ignore[arg-type]


def test_the_same_inputs_build_once(order: _build.Order) -> None:
    assert _build.find(order) is None
    built = _build.build(order)
    assert _build.find(order) == built == _build.build(order)
    (package,) = built["packages"]
    assert (package["name"], package["version"]) == ("tiny", f"1.0+stsm.{built['digest'][:8]}")
    assert sorted(path.name for path in Path(package["file"]).parents[1].iterdir()) == [
        "build.json",
        "build.log",
        "packages",
    ]


def test_each_input_makes_another_digest(order: _build.Order) -> None:
    others = [
        dataclasses.replace(order, patches=(PATCH,)),
        dataclasses.replace(order, patches=(PATCH, PATCH)),
        dataclasses.replace(order, recipe=TinyRecipe(options=1)),
        dataclasses.replace(order, source=TinySource("1.1")),  # type: ignore[arg-type]
        dataclasses.replace(order, further={"more": TinySource()}),  # type: ignore[dict-item]
        dataclasses.replace(order, further={"more": TinySource("1.1")}),  # type: ignore[dict-item]
    ]
    assert len({_build.digest_of(one.inputs()) for one in (order, *others)}) == 7


def test_a_further_source_lies_beside_the_one_that_is_patched(order: _build.Order) -> None:
    recipe = TinyRecipe("diff name ../further/more/tree/name && exit 3; cp ../further/more/tree/name name")
    further = {"more": TinySource()}
    asked = dataclasses.replace(order, recipe=recipe, patches=(PATCH,), further=further)  # type: ignore[arg-type]
    (package,) = _build.build(asked)["packages"]
    shown = subprocess.run(["dpkg-deb", "--fsys-tarfile", package["file"]], check=True, capture_output=True).stdout
    assert b"one\n" in shown


def test_a_patched_file_and_its_configuration_are_in_the_package(order: _build.Order) -> None:
    (package,) = _build.build(dataclasses.replace(order, patches=(PATCH,)))["packages"]
    shown = subprocess.run(["dpkg-deb", "--fsys-tarfile", package["file"]], check=True, capture_output=True).stdout
    assert b"two\n" in shown
    conffiles = subprocess.run(
        ["dpkg-deb", "--info", package["file"], "conffiles"], check=True, capture_output=True, text=True
    ).stdout
    assert conffiles == "/etc/tiny\n"


def test_two_builds_have_the_same_bytes(order: _build.Order, tmp_path: Path) -> None:
    sums = []
    for _attempt in range(2):
        built = _build.build(order)
        sums.append(built["packages"][0]["sha256"])
        Path(built["packages"][0]["file"]).unlink()
    assert sums[0] == sums[1]


def test_a_step_that_fails_leaves_no_build_and_shows_its_end(order: _build.Order, tmp_path: Path) -> None:
    failing = dataclasses.replace(order, recipe=TinyRecipe("echo the reason; exit 3"))
    with pytest.raises(BuildError, match="compile failed with status 3") as caught:
        _build.build(failing)
    assert "the reason" in caught.value.log
    assert _build.find(failing) is None
    assert "tiny: failed: compile failed" in (tmp_path / "tiny/progress.log").read_text()
    _build.build(order)
    assert list((tmp_path / "tiny").glob(".building-*")) == []


def test_what_is_no_package_is_told_of_in_a_sentence(order: _build.Order) -> None:
    class Bad(TinyRecipe):
        def build(self, shop: Workshop) -> None:
            (shop.packages / "bad.deb").write_text("no package\n")

    with pytest.raises(BuildError, match=r"the build has made bad\.deb, which is no package \(dpkg-deb: error: "):
        _build.build(dataclasses.replace(order, recipe=Bad()))


def test_a_build_that_lost_a_package_is_made_again(order: _build.Order) -> None:
    built = _build.build(order)
    Path(built["packages"][0]["file"]).write_text("damaged")
    assert _build.find(order) is None
    assert _build.build(order)["packages"] == built["packages"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"feature": {}}, "feature is not one"), ({"features": {"kvm": "yes"}}, "the feature kvm of QEMU is 'yes'")],
)
def test_qemu_refuses_what_it_is_not_built_with(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BuildError, match=complaint):
        QemuRecipe(options)


def test_order_of_features_does_not_matter() -> None:
    one, other = (
        QemuRecipe({"features": {"kvm": True, "vnc": False}}),
        QemuRecipe({"features": {"vnc": False, "kvm": True}}),
    )
    assert one.inputs() == other.inputs() != QemuRecipe({"features": {"kvm": True}}).inputs()


@pytest.mark.parametrize("version", ["1:11.1.3+ds-1~bpo13+1", "11.1.3", "11.1.3-2"])
def test_the_release_in_a_version(version: str) -> None:
    assert upstream(version) == "11.1.3"
