# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The tarball holds what it should, installs offline, and works with nothing else around."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lint._checkout import COLLECTION, ROOT, modules, playbooks, roles
from runner.ansible_test import copy_checkout

pytestmark = pytest.mark.package

ESSENTIAL = {"MANIFEST.json", "FILES.json", "meta", "plugins", "roles", "playbooks"}
SHIPPED = ESSENTIAL | {"README.md", "LICENSE", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS"}
SHIPPED |= {"changelogs", "docs", "inventories"}
LITTER = re.compile(r".*(__pycache__|\.pyc|\.orig|\.rej|\.swp|~)(/.*)?")
LARGEST_FILE_BYTES = 1_000_000


@dataclass(frozen=True)
class Site:
    """A place with the installed collection and nothing of the checkout."""

    folder: Path
    tarball: Path

    @property
    def collection(self) -> Path:
        return self.folder.joinpath("ansible_collections", *COLLECTION.split("."))

    def run(self, *command: str) -> str:
        return run(command, self.folder, ANSIBLE_COLLECTIONS_PATH=str(self.folder))


def run(command: Sequence[str], cwd: Path, **settings: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
    environment = kept | {"ANSIBLE_HOME": str(cwd / ".ansible")} | settings
    result = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    copy_checkout(ROOT, source)
    run(["ansible-galaxy", "collection", "build", "--output-path", str(folder)], source)
    (tarball,) = folder.glob("*.tar.gz")
    run(["ansible-galaxy", "collection", "install", str(tarball), "--offline", "--collections-path", "."], folder)
    built = Site(folder, tarball)
    for path in built.collection.iterdir():
        if path.name not in ESSENTIAL:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return built


def test_tarball_holds_what_it_should(site: Site) -> None:
    with tarfile.open(site.tarball) as archive:
        members = archive.getmembers()
    names = [member.name for member in members]
    assert {name.split("/")[0] for name in names} - SHIPPED == set()
    assert {*ESSENTIAL, "README.md", "LICENSE"} - {name.split("/")[0] for name in names} == set()
    assert [name for name in names if LITTER.fullmatch(name)] == []
    assert [member.name for member in members if member.size > LARGEST_FILE_BYTES] == []


@pytest.mark.parametrize("playbook", playbooks())
def test_playbooks_are_found_by_their_full_name(site: Site, playbook: str) -> None:
    groups = ("provisioner", "builder", "observer", "compute", "control")
    (site.folder / "hosts.ini").write_text("".join(f"[{group}]\nlocalhost\n" for group in groups))
    site.run("ansible-playbook", "--inventory", "hosts.ini", "--syntax-check", f"{COLLECTION}.{playbook}")


@pytest.mark.parametrize("role", roles())
def test_roles_are_documented(site: Site, role: str) -> None:
    described = json.loads(site.run("ansible-doc", "--type", "role", "--json", f"{COLLECTION}.{role}"))
    assert "main" in described[f"{COLLECTION}.{role}"]["entry_points"]


@pytest.mark.parametrize("module", modules())
def test_modules_are_documented(site: Site, module: str) -> None:
    assert module in site.run("ansible-doc", f"{COLLECTION}.{module}")
