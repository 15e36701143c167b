# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Hosts that cannot share images are refused in one sentence, before anything is changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lint._checkout import COLLECTION, ROOT

FACTS = {"distribution": "Debian", "distribution_version": "13", "distribution_release": "trixie"}
SERVER: dict[str, Any] = {"control": {"hosts": {"localhost": {}}}}


def refusal(tmp_path: Path, groups: dict[str, Any], overrides: dict[str, Any]) -> str:
    """What a host is told when the role starts on it in check mode."""
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {**FACTS, "architecture": "x86_64", "cacheable": True}},
        {"ansible.builtin.include_role": {"name": f"{COLLECTION}.shared_storage"}},
    ]
    path, inventory = tmp_path / "play.yml", tmp_path / "hosts.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_host": "192.0.2.1",
        "ansible_become": False,
    }
    inventory.write_text(yaml.safe_dump({"compute": {"hosts": {"localhost": host}}, **groups}))
    result = subprocess.run(
        [
            "ansible-playbook",
            "--check",
            "--inventory",
            str(inventory),
            "--extra-vars",
            json.dumps(overrides),
            str(path),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    return re.sub(r"\s+", " ", result.stdout)


@pytest.mark.parametrize(
    ("groups", "overrides", "said"),
    [
        (
            {},
            {},
            "Images are shared from the first host of the group control (none) to those of the group compute "
            "(localhost): put hosts with an ansible_host into both groups.",
        ),
        (
            SERVER,
            {"shared_storage_export": "/srv/with space"},
            "shared_storage_export (/srv/with space) and shared_storage_directory "
            "(/var/lib/stsm-live-migration/shared) have to be two different absolute paths",
        ),
        (
            SERVER,
            {"__shared_storage_filesystems": ["unheard-of"]},
            "has no unheard-of, which sharing images over NFS needs: use hosts with a kernel of their own that has it",
        ),
    ],
)
def test_hosts_that_cannot_share_images_are_refused(
    tmp_path: Path, groups: dict[str, Any], overrides: dict[str, Any], said: str
) -> None:
    assert said in refusal(tmp_path, groups, overrides)
