# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of guests whose hosts are virtual machines, and nothing of others or of old records."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _facts
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import cells
from ansible_collections.stsm.live_migration.plugins.module_utils._findings import headlines, sentences
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerator, accelerators, in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._provenance import build_ids
from ansible_collections.stsm.live_migration.plugins.module_utils._record import build, check
from ansible_collections.stsm.live_migration.plugins.module_utils._report_facts import notices, settings
from ansible_collections.stsm.live_migration.plugins.module_utils._table import csv_text
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    host_facts,
    observation,
    site_guest,
)


def nested(virtualization: str | None, name: str = "kvm", seen: dict[str, Any] | None = None) -> dict[str, Any]:
    """A record whose hosts say this of themselves; None: they are too old to say anything."""
    seen = seen or observation()
    if "accelerator" in seen["scenario"]["guest"]:
        seen["scenario"]["guest"]["accelerator"] = name
    if virtualization is not None:
        for facts in seen["hosts"].values():
            facts.update(virtualization=virtualization, container="systemd-nspawn")
    return build(seen, "first", 1, "group-1")


@pytest.mark.parametrize(
    ("name", "ends", "label", "warning"),
    [
        ("kvm", ("none", "none"), "kvm", ""),
        ("kvm", (None, None), "kvm", ""),
        ("tcg", ("none", "none"), "tcg", ""),
        ("kvm", ("qemu", "qemu"), "kvm (nested in tcg)", "on kvm nested in tcg"),
        ("kvm", ("kvm", "kvm"), "kvm (nested in kvm)", "on kvm nested in kvm"),
        ("tcg", ("microsoft", "microsoft"), "tcg (nested in microsoft)", "on tcg nested in microsoft"),
        ("kvm", ("qemu", "kvm"), "kvm (nested in kvm and tcg)", "on kvm nested in kvm and tcg"),
        ("kvm", ("none", "kvm"), "kvm (nested in kvm at one end)", "on kvm nested in kvm at one end"),
        (None, ("kvm", "kvm"), "unknown (nested in kvm)", "nested in kvm"),
        (None, ("none", "none"), "", ""),
    ],
)
def test_label_and_warning(name: str | None, ends: tuple[str | None, str | None], label: str, warning: str) -> None:
    found = accelerator(name, [{"virtualization": end} for end in ends])
    assert str(found) == label
    assert found.warning == (f"Guests ran {warning}: times are not those of hardware." if warning else "")


@pytest.mark.parametrize("virtualization", [None, "none", "qemu"])
def test_a_record_holds_what_hosts_say_and_one_that_does_not_is_still_read(virtualization: str | None) -> None:
    built = nested(virtualization)
    check(built)
    assert built["hosts"]["source"].get("virtualization") == virtualization


def test_it_is_in_plain_sight_wherever_figures_are() -> None:
    records = [nested("qemu")]
    warning = "Guests ran on kvm nested in tcg: times are not those of hardware."
    assert ", guests on kvm (nested in tcg); figures are" in sentences(records)[0]
    assert ", guests on kvm (nested in tcg); figures are" in headlines(records)[0]
    assert sentences(records).count(warning) == 1
    assert notices(records)[0] == warning
    assert dict(settings(records))["guest.accelerator"] == "kvm (nested in tcg)"
    (row,) = csv.DictReader(io.StringIO(csv_text(records)))
    assert row["accelerator"] == "kvm (nested in tcg)"


def test_nothing_is_said_where_nothing_is_known() -> None:
    records = [nested(None), nested("none")]
    assert ", guests on kvm; figures are" in sentences(records)[0]
    assert not [sentence for sentence in (*sentences(records), *notices(records)) if "nested" in sentence]
    (notice,) = [sentence for sentence in notices([nested(None, "tcg")]) if "accelerator tcg" in sentence]
    assert "emulation" in notice


def test_site_guest_whose_accelerator_nobody_knows_is_nested_all_the_same() -> None:
    records = [nested("kvm", seen=site_guest())]
    assert in_words(accelerators(records)) == "unknown (nested in kvm)"
    assert "Guests ran nested in kvm: times are not those of hardware." in sentences(records)
    assert ", guests" not in sentences([nested("none", seen=site_guest())])[0].partition("; figures")[0]


def test_runs_on_other_virtual_machines_are_no_repetitions_of_each_other() -> None:
    facts = host_facts("compute1")
    assert build_ids([facts]) == build_ids([{**facts, "virtualization": "none"}])
    assert build_ids([{**facts, "virtualization": "kvm"}]) != build_ids([{**facts, "virtualization": "qemu"}])
    found = cells([nested("qemu"), nested("kvm"), nested(None)])
    assert [cell.label for cell in found] == [
        f"guest.accelerator {label}" for label in ("kvm", "kvm (nested in kvm)", "kvm (nested in tcg)")
    ]


def test_host_says_what_systemd_says_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    tool = tmp_path / "systemd-detect-virt"
    tool.write_text('#!/bin/sh\ncase "$1" in --vm) echo qemu ;; --container) echo none; exit 1 ;; esac\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (_facts._virtualization("vm"), _facts._virtualization("container")) == ("qemu", "none")


@pytest.mark.parametrize(("flags", "kind"), [("fpu hypervisor sse", "vm-other"), ("fpu sse", "none")])
def test_host_without_systemd_says_what_its_processor_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, flags: str, kind: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_facts, "_cpu_field", {"flags": flags}.__getitem__)
    assert (_facts._virtualization("vm"), _facts._virtualization("container")) == (kind, "none")
