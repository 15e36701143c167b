# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Patches of a role are numbered without a gap, signed off, and all of them belong to a set."""

from __future__ import annotations

import re

import pytest
import yaml

from lint._checkout import ROOT

FOLDER = ROOT / "roles/libvirt/files/patches"
SETS: dict[str, list[str]] = yaml.safe_load((FOLDER / "series.yml").read_text())
RELEASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def patches(release: str) -> list[str]:
    return sorted(path.name for path in (FOLDER / release).iterdir())


@pytest.mark.parametrize("release", RELEASES)
def test_patches_are_numbered_without_a_gap(release: str) -> None:
    assert [name[:5] for name in patches(release)] == [
        f"{number:04}-" for number in range(1, len(patches(release)) + 1)
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_patches_are_signed_off_by_their_author(release: str) -> None:
    for name in patches(release):
        text = (FOLDER / release / name).read_text()
        author = re.search(r'^From: "?(.+?)"?\n? (<.+>)$', text, re.M)
        assert author and f"Signed-off-by: {author.group(1)} {author.group(2)}\n" in text, name


def test_sets_are_made_of_the_patches_that_there_are() -> None:
    assert {name for names in SETS.values() for name in names} == {
        f"{release}/{name}" for release in RELEASES for name in patches(release)
    }
    assert all(names == sorted(names) for names in SETS.values())


def test_the_role_offers_the_sets_that_there_are() -> None:
    specs = yaml.safe_load((ROOT / "roles/libvirt/meta/argument_specs.yml").read_text())["argument_specs"]
    assert sorted(specs["main"]["options"]["libvirt_patch_set"]["choices"]) == sorted(SETS)
