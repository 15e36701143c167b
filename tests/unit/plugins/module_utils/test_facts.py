# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of the programs that run on it, and of what they were built from."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from ansible_collections.stsm.live_migration.plugins.filter.measured_hosts import measured_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _facts
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._domain import domain_xml
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._record import build
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import notices
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import observation

EMULATOR = "/opt/stsm-live-migration/qemu/current/bin/qemu-system-x86_64"


def program(folder: Path, says: str) -> str:
    """An executable file that prints *says*, as QEMU would at --version."""
    path = folder / "qemu"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("QEMU emulator version 10.2.2 (Debian 1:10.2.2+ds-1)", "10.2.2"),
        ("QEMU emulator version 11.1.3", "11.1.3"),
        ("no version here", ""),
    ],
)
def test_qemu_says_its_own_version(tmp_path: Path, says: str, version: str) -> None:
    assert _facts.qemu_version(program(tmp_path, says)) == version


def test_a_program_that_is_not_there_has_no_version() -> None:
    assert _facts.qemu_version("/nonexistent/qemu") == ""


def test_builds_are_read_from_what_the_deployment_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fact = {
        "component": "qemu",
        "version": "10.2.2",
        "digest": "1a2b",
        "inputs": {"patches": [{"name": "0001-a.patch"}]},
    }
    (tmp_path / "stsm_qemu.fact").write_text(json.dumps(fact))
    (tmp_path / "stsm_broken.fact").write_text("{")
    (tmp_path / "others.fact").write_text("{}")
    monkeypatch.setattr(_facts, "_FACTS_FOLDER", str(tmp_path))
    assert _facts.builds() == {"qemu": {"version": "10.2.2", "digest": "1a2b", "patches": ["0001-a.patch"]}}


@pytest.mark.parametrize(("running", "counts"), [("6.12.118-stsm-1a2b3c4d", True), ("6.12.118+deb13-amd64", False)])
def test_a_built_kernel_counts_while_the_host_runs_on_it(
    running: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = {"component": "kernel", "version": "6.12.118-1", "digest": "1a2b3c4d5e6f", "inputs": {"patches": []}}
    (tmp_path / "stsm_kernel.fact").write_text(json.dumps(fact))
    monkeypatch.setattr(_facts, "_FACTS_FOLDER", str(tmp_path))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=running))
    assert ("kernel" in _facts.builds()) is counts


def test_the_build_id_is_that_of_the_running_program() -> None:
    executable = os.path.realpath(sys.executable)
    assert _facts.build_id("/proc/self/exe") == _facts.build_id(executable)


def test_the_inventory_names_the_program_that_guests_run_on() -> None:
    (host,) = measured_hosts(["one"], {"one": {"ansible_host": "192.0.2.1", "qemu_binary": EMULATOR}})
    assert host["emulator"] == EMULATOR


@pytest.mark.parametrize("emulator", ["", EMULATOR])
def test_a_domain_names_its_emulator_where_there_is_one(emulator: str) -> None:
    host = Host(name="one", address="192.0.2.1", migration_address="198.51.100.1", emulator=emulator)
    xml = domain_xml(Guest(), "quiet", host, (10, 0, 0))
    assert (ElementTree.fromstring(xml).findtext("devices/emulator") or "") == emulator


def test_a_report_says_what_was_built_from_source() -> None:
    seen = observation()
    assert not [told for told in notices([build(seen, "first", 1, "group-1")]) if "source" in told]
    for facts in seen["hosts"].values():
        facts["builds"] = {"libvirt": {"version": "11.3.0", "digest": "1a2b3c4d5e6f", "patches": ["0001-a.patch"]}}
    told = notices([build(seen, "first", 1, "group-1")])
    assert "Built from source were libvirt 11.3.0 (1a2b3c4d, 0001-a.patch)." in told


def test_a_guest_gets_the_huge_pages_and_processors_that_are_asked_for() -> None:
    host = Host("compute1", "192.0.2.1", "198.51.100.1")
    xml = domain_xml(Guest(vcpus=4, huge_page_kib=2048), "quiet", host, (10, 0, 0))
    assert '<memoryBacking><hugepages><page size="2048" unit="KiB" /></hugepages></memoryBacking><vcpu>4</vcpu>' in xml
    assert "memoryBacking" not in domain_xml(Guest(), "quiet", host, (10, 0, 0))
