# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""An image is found by the digest of its inputs and is no longer trusted when anything in it is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _image
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._command import ProvisioningError

RECIPE = _image.Recipe("trixie", ("trixie-backports",), ("tmux", "vim"))


def lay_image(cache_folder: Path) -> Path:
    root = cache_folder / RECIPE.digest() / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "bin").symlink_to("usr/bin")
    manifest = {"contents": _image._contents(root), "packages": {"systemd": "257"}}
    (root.parent / "image.json").write_text(json.dumps(manifest))
    return root


def test_the_digest_names_the_inputs_and_not_their_order() -> None:
    assert RECIPE.digest() == _image.Recipe("trixie", ("trixie-backports",), ("vim", "tmux")).digest()
    others = [
        _image.Recipe("forky", ("trixie-backports",), ("tmux", "vim")),
        _image.Recipe("trixie", (), ("tmux", "vim")),
        _image.Recipe("trixie", ("trixie-backports",), ("tmux",)),
    ]
    assert len({RECIPE.digest(), *(other.digest() for other in others)}) == 4


def test_a_whole_image_is_found(tmp_path: Path) -> None:
    assert _image.find(tmp_path, RECIPE) is None
    root = lay_image(tmp_path)
    assert _image.find(tmp_path, RECIPE) == _image.Image(RECIPE.digest(), root, {"systemd": "257"})


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
    with pytest.raises(ProvisioningError, match=r"is damaged .*: remove .* and provision again"):
        _image.find(tmp_path, RECIPE)
