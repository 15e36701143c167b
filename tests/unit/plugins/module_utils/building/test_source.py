# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A source is known by its sums, and refused when it is not what was asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building._archive import file_sha256
from ansible_collections.stsm.live_migration.plugins.module_utils._building._debian_source import describe
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._source import make_source

NOTHING: dict[str, Any] = dict.fromkeys(("package", "suite", "version", "path", "sha256", "repository", "commit"), "")

STANZA = """Package: libvirt
Format: 3.0 (quilt)
Version: 11.3.0-3
Files:
 0a 14 libvirt_11.3.0-3.dsc
 0b 98 libvirt_11.3.0.orig.tar.xz
 0c 85 libvirt_11.3.0.orig.tar.xz.asc
Checksums-Sha256:
 1a 14 libvirt_11.3.0-3.dsc
 1b 98 libvirt_11.3.0.orig.tar.xz
 1c 85 libvirt_11.3.0.orig.tar.xz.asc
Directory: pool/main/libv/libvirt
Section: libs
"""


def options(provider: str, **given: Any) -> dict[str, Any]:
    return {**NOTHING, "frozen": False, "submodules": None, "provider": provider, **given}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A tar file with everything in one folder, as releases have it."""
    (tmp_path / "tiny-1.0").mkdir()
    (tmp_path / "tiny-1.0/main.c").write_text("int main;\n")
    subprocess.run(["tar", "--create", "--file=tiny.tar", "tiny-1.0"], cwd=tmp_path, check=True)
    return tmp_path / "tiny.tar"


def test_an_archive_is_unpacked_without_its_folder(archive: Path, tmp_path: Path) -> None:
    source = make_source(options("archive", path=archive, sha256=file_sha256(archive), version="1.0"), tmp_path)
    newest = source.unpack(tmp_path / "work/tree")
    assert (tmp_path / "work/tree/main.c").is_file()
    assert newest == int((tmp_path / "tiny-1.0/main.c").stat().st_mtime)


def test_an_archive_with_another_sum_is_refused(archive: Path, tmp_path: Path) -> None:
    source = make_source(options("archive", path=archive, sha256="0" * 64, version="1.0"), tmp_path)
    with pytest.raises(BuildError, match=rf"has the SHA-256 sum {file_sha256(archive)}, but 0+ is asked for"):
        source.unpack(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (options("archive", path="/x.tar", sha256="1" * 64), "version of the source is not set"),
        (options("archive", path="/x.tar", version="1"), "sha256 of the source is ''"),
        (options("git", repository="/x", commit="main", version="1"), "commit of the source is 'main'"),
        (options("git", commit="1" * 40, version="1"), "repository of the source is not set"),
        (options("distro", package="qemu"), "suite of the source is not set"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=complaint):
        make_source(given, tmp_path)


def test_a_description_lists_just_what_is_fetched() -> None:
    text = describe(STANZA)
    assert text.startswith("Source: libvirt\n")
    assert "orig.tar.xz\n" in text
    for gone in (".asc", ".dsc", "Directory:", "Section:"):
        assert gone not in text
