# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What the builder of the guest's image makes of its inputs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

_IMAGE = Path(__file__).parents[2] / "roles" / "workload" / "files" / "image"


def _python(code: str) -> str:
    """Run a few lines beside the builder's own modules; they are a program, not a package to import from here."""
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_IMAGE)
    return done.stdout + done.stderr


@pytest.mark.guest
def test_manifest_describes_the_files(image: Path) -> None:
    manifest = json.loads((image / "workload.json").read_text())
    assert manifest["digest"] == image.name
    assert manifest["protocol_version"] == 1
    for name, expected in manifest["sha256"].items():
        assert hashlib.sha256((image / name).read_bytes()).hexdigest() == expected


@pytest.mark.guest
def test_kernel_is_an_elf_file(image: Path) -> None:
    assert (image / "vmlinux").read_bytes()[:4] == b"\x7fELF"


def test_no_kernel_image_is_refused() -> None:
    said = _python("import vmlinux; vmlinux.extract(bytes(4096))")
    assert "the kernel image has no x86 boot header: set workload_kernel_package" in said


def test_unknown_package_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(_IMAGE), f"--cache={tmp_path}", "--kernel-package=no-such-kernel"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the package index of the builder has no no-such-kernel" in done.stderr
    assert "Traceback" not in done.stderr


def test_initrd_is_the_same_for_the_same_input(tmp_path: Path) -> None:
    code = f"""
import initrd, hashlib, pathlib
program = pathlib.Path({str(tmp_path / "init")!r})
program.write_bytes(b"program")
print(len({{hashlib.sha256(initrd.build(program, [program])).digest() for _ in range(2)}}))
print(initrd.build(program, [program])[:6])
"""
    assert _python(code).split() == ["1", "b'070701'"]
