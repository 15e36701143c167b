# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""An image is found by the digest of its inputs and is no longer trusted when anything in it is missing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _image
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._recipe import Pin, Recipe

RECIPE = Recipe("trixie", ("trixie-backports",), ("tmux", "vim"))
BOOTABLE = dataclasses.replace(RECIPE, bootable=True)
PIN = Pin("trixie-backports", ("qemu", "ipxe"))


def lay_image(cache_folder: Path) -> Path:
    root = cache_folder / RECIPE.digest() / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "bin").symlink_to("usr/bin")
    manifest = {"contents": _image._tree_contents(root), "packages": {"systemd": "257"}}
    (root.parent / "image.json").write_text(json.dumps(manifest))
    return root


def test_the_digest_names_the_inputs_and_not_their_order() -> None:
    assert RECIPE.digest() == Recipe("trixie", ("trixie-backports",), ("vim", "tmux")).digest()
    others = [
        Recipe("forky", ("trixie-backports",), ("tmux", "vim")),
        Recipe("trixie", (), ("tmux", "vim")),
        Recipe("trixie", ("trixie-backports",), ("tmux",)),
    ]
    assert len({RECIPE.digest(), *(other.digest() for other in others)}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"pins": (PIN,)},
        {"pins": (Pin("trixie-backports", ("qemu",)),)},
        {"pins": (Pin("forky", ("qemu", "ipxe")),)},
        {"bootable": True},
        {"bootable": True, "kernel_arguments": ("nosmt",)},
        {"bootable": True, "pins": (PIN,)},
    ],
)
def test_each_further_input_has_an_image_of_its_own(change: dict[str, Any]) -> None:
    recipe = dataclasses.replace(RECIPE, **change)
    assert recipe.digest() not in {RECIPE.digest(), *({} if change == {"bootable": True} else {BOOTABLE.digest()})}
    assert recipe.digest() == dataclasses.replace(RECIPE, **change).digest()


def test_a_pin_is_apts_preference_and_brings_its_suite() -> None:
    pinned = dataclasses.replace(RECIPE, extra_suites=(), pins=(PIN,))
    assert pinned.suites() == pinned.pinned_suites() == ("trixie-backports",)
    assert dataclasses.replace(RECIPE, pins=(PIN,)).suites() == ("trixie-backports",)
    text, mode = pinned.early_files()["etc/apt/preferences.d/virtual-host"]
    assert text == "Package: src:qemu:any src:ipxe:any\nPin: release n=trixie-backports\nPin-Priority: 990\n"
    assert mode == 0o644


def test_only_what_boots_has_a_kernel() -> None:
    assert "linux-image-amd64" in BOOTABLE.all_packages()
    assert "linux-image-amd64" not in RECIPE.all_packages()
    assert RECIPE.files()["etc/fstab"] == ("", 0o644)
    assert "etc/default/grub" not in RECIPE.files()


def test_a_whole_image_is_found(tmp_path: Path) -> None:
    assert _image.find(tmp_path, RECIPE) is None
    root = lay_image(tmp_path)
    assert _image.find(tmp_path, RECIPE) == _image.Image(RECIPE.digest(), root.parent, {"systemd": "257"})


def test_an_interrupted_build_is_no_image(tmp_path: Path) -> None:
    (tmp_path / f".building-{RECIPE.digest()}" / "root").mkdir(parents=True)
    assert _image.find(tmp_path, RECIPE) is None


@pytest.mark.parametrize("damage", ["a file is gone", "a file is shorter", "no manifest", "half a manifest"])
def test_a_damaged_image_is_refused(tmp_path: Path, damage: str) -> None:
    root = lay_image(tmp_path)
    if damage == "a file is gone":
        (root / "bin").unlink()
    elif damage == "a file is shorter":
        (root / "etc/hosts").write_text("")
    elif damage == "no manifest":
        (root.parent / "image.json").unlink()
    else:
        (root.parent / "image.json").write_text('{"contents": ')
    with pytest.raises(MachineError, match=r"is damaged .*: remove .* and provision again"):
        _image.find(tmp_path, RECIPE)


def lay_disk(cache_folder: Path) -> Path:
    folder = cache_folder / BOOTABLE.digest()
    folder.mkdir()
    for name in ("disk.raw", "vmlinuz", "initrd.img"):
        (folder / name).write_text(f"this is {name}")
    manifest = {"contents": _image._bootable_contents(folder), "packages": {"systemd": "257"}}
    (folder / "image.json").write_text(json.dumps(manifest))
    return folder


def test_a_whole_disk_is_found(tmp_path: Path) -> None:
    folder = lay_disk(tmp_path)
    assert _image.find(tmp_path, BOOTABLE) == _image.Image(BOOTABLE.digest(), folder, {"systemd": "257"})


@pytest.mark.parametrize("name", ["disk.raw", "vmlinuz", "initrd.img"])
def test_a_damaged_disk_is_refused_by_name(tmp_path: Path, name: str) -> None:
    damaged = lay_disk(tmp_path) / name
    damaged.write_text(damaged.read_text().upper())
    with pytest.raises(MachineError, match=rf"is damaged \({name} has changed since it was built\): remove "):
        _image.find(tmp_path, BOOTABLE)
    damaged.unlink()
    with pytest.raises(MachineError, match=rf"is damaged \(.*{name} cannot be read\): remove "):
        _image.find(tmp_path, BOOTABLE)


@pytest.mark.parametrize(("recipe", "needed_mib"), [(RECIPE, 2048), (BOOTABLE, 4096)])
def test_too_little_disk_is_refused_before_anything_is_made(
    recipe: Recipe, needed_mib: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.statvfs", lambda path: type("Full", (), {"f_bavail": 1000, "f_frsize": 1 << 20}))
    with pytest.raises(MachineError, match=f"1000 MiB of free disk but building a host image needs {needed_mib} MiB"):
        _image.build(tmp_path / "images", recipe)
    assert not (tmp_path / "images").exists()
