# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a role was tried on is said once by itself and once for its readers, and everything else is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lint._checkout import COLLECTION, ROOT, roles

RULE = f"{COLLECTION}.platform"
INSTALLS = re.compile(rf"ansible\.builtin\.(apt|package|unarchive):|{re.escape(COLLECTION)}\.packages$", re.M)


def task_texts(role: str) -> list[str]:
    return [path.read_text() for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))]


def accepted_releases(role: str) -> set[str]:
    """The releases that the role lets pass, over all places where it asks."""
    found: set[str] = set()
    for text in task_texts(role):
        for task in yaml.safe_load(text) or []:
            if task.get("ansible.builtin.import_role", {}).get("name") == RULE:
                found |= set(task["vars"]["platform_releases"])
    return found


INSTALLING = [role for role in roles() if any(INSTALLS.search(text) for text in task_texts(role))]


def test_roles_that_install_are_known() -> None:
    assert INSTALLING


@pytest.mark.parametrize("role", INSTALLING)
def test_a_role_that_installs_refuses_what_it_does_not_name(role: str) -> None:
    meta = yaml.safe_load((ROOT / "roles" / role / "meta/main.yml").read_text())
    named = {release for platform in meta["galaxy_info"]["platforms"] for release in platform["versions"]}
    assert accepted_releases(role) == named


def play(tmp_path: Path, facts: dict[str, str], role: str) -> tuple[int, str]:
    """Start a role in check mode on a host that says these facts of itself."""
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {**facts, "cacheable": True}},
        {"ansible.builtin.include_role": {"name": f"{COLLECTION}.{role}"}},
    ]
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    inventory = tmp_path / "hosts.yml"
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_host": "192.0.2.1"}
    inventory.write_text(yaml.safe_dump({"compute": {"hosts": {"localhost": host}}}))
    result = subprocess.run(
        ["ansible-playbook", "--check", "--inventory", str(inventory), str(path)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    return result.returncode, re.sub(r"\s+", " ", result.stdout)


@pytest.mark.parametrize(
    ("role", "facts", "said"),
    [
        (
            "qemu",
            {"distribution": "Debian", "distribution_version": "12", "distribution_release": "bookworm"},
            "localhost is Debian 12 (bookworm) on x86_64, but the role stsm.live_migration.qemu was tried on Debian "
            "trixie on x86_64 only: use a host with one of these.",
        ),
        (
            "host_image",
            {"distribution": "Fedora", "distribution_version": "43", "distribution_release": ""},
            "localhost is Fedora 43 () on x86_64, but the role stsm.live_migration.host_image was tried on Debian "
            "bookworm and trixie on x86_64 only",
        ),
        (
            "pki",
            {"distribution_release": "trixie", "architecture": "aarch64", "distribution_version": "13"},
            "localhost is Debian 13 (trixie) on aarch64, but the role stsm.live_migration.pki was tried on",
        ),
    ],
)
def test_another_platform_is_refused_in_a_sentence(tmp_path: Path, role: str, facts: dict[str, str], said: str) -> None:
    status, output = play(tmp_path, {"distribution": "Debian", "architecture": "x86_64", **facts}, role)
    assert status != 0
    assert said in output
