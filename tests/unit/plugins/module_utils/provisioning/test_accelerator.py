# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Which accelerator is taken, told by stand-ins for QEMU: real processes that boot, hang or give up as it would."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _accelerator
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._accelerator import choose

# Not by one long sleep: that would be another program, and be looked for in vain.
STAYS = "while :; do sleep 0.2; done"
PANIC = f"echo '[    1.80] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'; {STAYS}"
BOOTS_LATE = f"sleep 1; {PANIC}"
HANGS = f"echo 'Decompressing Linux'; {STAYS}"
GIVES_UP = (
    "echo 'qemu-system-x86_64: warning: host lacks a feature' >&2;"
    "echo 'qemu-system-x86_64: error: failed to set MSR 0x10a' >&2; echo 'qemu: assertion failed' >&2; exit 134"
)
PANICS_EARLY = "echo '[    0.10] Kernel panic - not syncing: System is deadlocked on memory'; exit 0"


@pytest.fixture(name="emulator")
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for QEMU that does what `behave` writes for each accelerator, and the device of kvm."""
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(_accelerator, "KVM_DEVICE", device)
    (tmp_path / "vmlinuz").touch()
    return tmp_path / "qemu"


def behave(emulator: Path, kvm: str, tcg: str) -> Path:
    """Write the stand-in; returns the kernel."""
    emulator.write_text(
        f'#!/bin/sh\ncase "$*" in\n*"-accel kvm"*) {kvm} ;;\n*"-accel tcg"*) {tcg} ;;\n*) exit 3 ;;\nesac\n'
    )
    emulator.chmod(emulator.stat().st_mode | stat.S_IXUSR)
    return emulator.parent / "vmlinuz"


def left(emulator: Path) -> str:
    """The processes of the stand-in that go on running; one that it had just begun to start is gone in a moment."""
    for _attempt in range(50):
        found = subprocess.run(["pgrep", "-f", f"^/bin/sh {emulator} "], capture_output=True, text=True, check=False)
        if not found.stdout:
            break
        time.sleep(0.1)
    return found.stdout


def test_kvm_that_boots_is_taken_without_a_trial_of_tcg(emulator: Path) -> None:
    choice = choose(behave(emulator, PANIC, PANIC), str(emulator), 20)
    assert (choice.accelerator, set(choice.trials)) == ("kvm", {"kvm"})
    assert choice.boot_seconds < 5
    assert choice.sentence.startswith("Virtual machines run on kvm: a kernel boots in ")
    assert not left(emulator)


def test_kvm_that_hangs_loses_to_tcg_after_its_head_start(emulator: Path) -> None:
    choice = choose(behave(emulator, HANGS, PANIC), str(emulator), 4)
    assert choice.accelerator == "tcg"
    assert choice.trials["kvm"].boot_seconds is None
    assert choice.trials["kvm"].tried_seconds >= 2
    assert f"there, on kvm (device {emulator.parent}/kvm is there) it did not in " in choice.sentence
    assert not left(emulator)


def test_kvm_that_gives_up_does_not_make_tcg_wait_and_is_told_by_its_first_complaint(emulator: Path) -> None:
    begin = time.monotonic()
    choice = choose(behave(emulator, GIVES_UP, PANIC), str(emulator), 20)
    assert time.monotonic() - begin < 8
    assert choice.accelerator == "tcg"
    assert choice.sentence.endswith("is there) QEMU gives up (failed to set MSR 0x10a).")


def test_kvm_that_is_slow_but_first_is_taken(emulator: Path) -> None:
    choice = choose(behave(emulator, BOOTS_LATE, HANGS), str(emulator), 1.6)
    assert (choice.accelerator, set(choice.trials)) == ("kvm", {"kvm", "tcg"})
    assert choice.boot_seconds >= 1
    assert not left(emulator)


def test_without_the_device_only_tcg_is_tried(emulator: Path) -> None:
    kernel = behave(emulator, PANIC, PANIC)
    _accelerator.KVM_DEVICE.unlink()
    choice = choose(kernel, str(emulator), 20)
    assert (choice.accelerator, set(choice.trials)) == ("tcg", {"tcg"})
    assert choice.sentence.endswith(f", and there is no device {_accelerator.KVM_DEVICE}.")


def test_machine_on_which_nothing_boots_in_time_is_told_what_to_do(emulator: Path) -> None:
    with pytest.raises(MachineError) as refusal:
        choose(behave(emulator, HANGS, HANGS), str(emulator), 2)
    assert "boots on no accelerator, on kvm it did not in " in str(refusal.value)
    assert str(refusal.value).endswith("see that nothing else loads the machine, or raise limit_seconds")
    assert not left(emulator)


@pytest.mark.parametrize(("tcg", "words"), [(GIVES_UP, "failed to set MSR 0x10a"), (PANICS_EARLY, "deadlocked on mem")])
def test_qemu_without_tcg_or_a_kernel_that_does_not_boot_is_told_with_its_words(
    emulator: Path, tcg: str, words: str
) -> None:
    with pytest.raises(MachineError, match=rf"on tcg QEMU gives up \(.*{words}.*\): install a QEMU that has TCG"):
        choose(behave(emulator, GIVES_UP, tcg), str(emulator), 20)


def test_missing_qemu_and_missing_kernel_are_told_with_their_cure(tmp_path: Path, emulator: Path) -> None:
    kernel = behave(emulator, PANIC, PANIC)
    with pytest.raises(MachineError, match=r"no-qemu is not installed .*install QEMU \(Debian: qemu-system-x86\)"):
        choose(kernel, "no-qemu", 20)
    with pytest.raises(MachineError, match="no kernel image .*none that can be read: set kernel"):
        choose(tmp_path / "none", str(emulator), 20)


def test_qemu_does_not_outlive_a_process_that_is_killed(emulator: Path) -> None:
    kernel = behave(emulator, HANGS, HANGS)
    code = (
        "from pathlib import Path\n"
        f"from {_accelerator.__name__} import choose\n"
        f"choose(Path({str(kernel)!r}), {str(emulator)!r}, 30)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        deadline = time.monotonic() + 20
        while not left(emulator) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left(emulator)
    finally:
        process.kill()
        process.wait()
    time.sleep(0.5)
    assert not left(emulator)
