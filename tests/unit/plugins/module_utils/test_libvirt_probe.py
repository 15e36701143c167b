# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What the role libvirt asks a host: which libvirt runs, and whether Python knows its API."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._facts import build_id

PROBE = Path(__file__).parents[4] / "roles/libvirt/files/libvirt_probe.py"
DESCRIPTION = """\
<api name='libvirt'><files/><symbols>
 <macro name='VIR_MIGRATE_PARAM_NEW' file='libvirt-domain' string='new'/>
 <macro name='VIR_DOMAIN_FUNCTION_LIKE' file='libvirt-domain'/>
 <enum name='VIR_MIGRATE_LIVE' file='libvirt-domain' value='1' type='virDomainMigrateFlags'/>
 <enum name='VIR_MIGRATE_NEW' file='libvirt-domain' value='8' type='virDomainMigrateFlags'/>
 <enum name='VIR_DOMAIN_LAST' file='libvirt-domain' value='9' type='virDomainState'/>
 <enum name='VIR_STORAGE_NEW' file='libvirt-storage' value='1' type='virStorage'/>
 <function name='virDomainMigrate' file='libvirt-domain'/>
</symbols></api>
"""


@pytest.fixture
def probe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("libvirt_probe", PROBE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_constants_that_python_lacks_are_named(
    probe: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "libvirt-api.xml").write_text(DESCRIPTION)
    binding = ModuleType("libvirt")
    binding.__dict__["VIR_MIGRATE_LIVE"] = 1
    monkeypatch.setitem(sys.modules, "libvirt", binding)
    assert probe.unbound(tmp_path) == {"libvirt": ["VIR_MIGRATE_NEW", "VIR_MIGRATE_PARAM_NEW"]}
    binding.__dict__.update(VIR_MIGRATE_NEW=8, VIR_MIGRATE_PARAM_NEW="new")
    assert probe.unbound(tmp_path) == {}


def test_without_a_binding_all_are_named(probe: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libvirt-qemu-api.xml").write_text(DESCRIPTION.replace("VIR_MIGRATE", "VIR_DOMAIN_QEMU"))
    monkeypatch.setitem(sys.modules, "libvirt_qemu", None)
    assert probe.unbound(tmp_path) == {
        "libvirt_qemu": ["VIR_DOMAIN_QEMU_LIVE", "VIR_DOMAIN_QEMU_NEW", "VIR_DOMAIN_QEMU_PARAM_NEW"]
    }


def test_the_build_id_is_the_one_that_records_have(probe: ModuleType) -> None:
    program = str(Path("/bin/sh").resolve())
    assert probe.build_id(program) == build_id(program) != ""


def test_a_guest_is_a_process_that_runs(probe: ModuleType, tmp_path: Path) -> None:
    # libvirtd's own, one of a process that is gone, and one that nobody could write.
    for name, text in (("driver", "1"), ("gone", "999999999"), ("torn", "")):
        (tmp_path / f"{name}.pid").write_text(text)
    assert probe.guests(tmp_path) == {}


def domain(job: int | None) -> SimpleNamespace:
    """A guest whose job libvirt tells, or refuses to tell."""

    def tell() -> list[int]:
        if job is None:
            raise RuntimeError("migration statistics are available only on the source host")
        return [job]

    return SimpleNamespace(jobInfo=tell)


@pytest.mark.parametrize(("job", "busy"), [(0, False), (2, True), (None, True)])
def test_a_guest_that_arrives_is_busy(probe: ModuleType, job: int | None, busy: bool) -> None:
    binding = ModuleType("libvirt")
    binding.__dict__.update(VIR_DOMAIN_JOB_NONE=0, libvirtError=RuntimeError)
    assert probe.busy(binding, domain(job)) is busy


def test_a_program_that_was_replaced_is_outdated(probe: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "virtlogd"
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([str(program), "60"])
    try:
        assert probe.running(str(program)) == {"build_id": build_id("/bin/sleep"), "outdated": []}
        program.unlink()
        assert probe.running(str(program))["outdated"] == [str(program)]
    finally:
        process.kill()
        process.wait()
    assert probe.running(str(program)) is None
