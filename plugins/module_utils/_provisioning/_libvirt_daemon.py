# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""libvirt's daemon on the provisioner: one that runs is used as it is; else it is started, and stopped when nobody's.

Where systemd is not PID 1 the daemon is a program like our others, told from anybody else's by its PID file's name.
"""

from __future__ import annotations

import shutil
import signal
import socket
import stat
import time
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _devices, _service

_SOCKET = "/run/libvirt/libvirt-sock"
_FOLDER = Path("/run/stsm-live-migration")
# The second writes what the first's machines say on their consoles.
_PROGRAMS = ("virtlogd", "libvirtd")
_KVM = "/dev/kvm"
_SEARCH_PATH = "/usr/sbin:/usr/bin"
_START_TIMEOUT_SECONDS = 30.0
# Where the daemon keeps what is active now, of whomever it is.
_ACTIVE = tuple(Path("/run/libvirt") / kind for kind in ("qemu", "network", "storage", "lxc"))


def answers() -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5.0)
        try:
            connection.connect(_SOCKET)
        except OSError:
            return False
    return True


def is_installed() -> bool:
    return shutil.which("libvirtd", path=_SEARCH_PATH) is not None


def start() -> None:
    """Start the daemon and wait until it answers."""
    if not is_installed():
        raise MachineError("the provisioner has no libvirtd: install libvirt-daemon-system")
    if _service.systemd_is_running():
        run(["systemctl", "start", "libvirtd.socket"])
    else:
        _open_kvm()
        _FOLDER.mkdir(mode=0o755, exist_ok=True)
        for program in _PROGRAMS:
            if not _processes(program):
                argv = [f"/usr/sbin/{program}", "--pid-file", str(_pid_file(program))]
                _service.start(_unit(program), argv, _log(program), (), {})
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise MachineError(f"libvirt does not answer at {_SOCKET}: {_last_line()}")
        time.sleep(0.1)


def _open_kvm() -> None:
    """Let QEMU's user use KVM, as udev would have: else libvirt finds the two at odds and asks QEMU anew each time."""
    kvm = Path(_KVM)
    if _devices.exists(_KVM) and stat.S_IMODE(kvm.stat().st_mode) == 0o600:
        shutil.chown(_KVM, group="kvm")
        kvm.chmod(0o660)


def is_idle_and_ours() -> bool:
    """Whether the daemon was started here and has nothing of anybody to look after."""
    ours = any(_processes(program) for program in _PROGRAMS)
    return ours and not any(path for folder in _ACTIVE for path in folder.glob("*.xml"))


def stop() -> None:
    for program in reversed(_PROGRAMS):
        survivors = _service.stop(_processes(program), [signal.SIGTERM, signal.SIGKILL], 10.0)
        if survivors:
            raise MachineError(f"{program} (process {survivors[0]}) does not end, not even by SIGKILL")
        _service.forget(_unit(program))
        for path in (_pid_file(program), _log(program)):
            path.unlink(missing_ok=True)
    if _FOLDER.is_dir() and not any(_FOLDER.iterdir()):
        _FOLDER.rmdir()


def _processes(program: str) -> list[int]:
    return _service.find(program, str(_pid_file(program)))


def _pid_file(program: str) -> Path:
    return _FOLDER / f"{program}.pid"


def _log(program: str) -> Path:
    return _FOLDER / f"{program}.log"


def _unit(program: str) -> str:
    return f"stsm-{program}.service"


def _last_line() -> str:
    log = _log("libvirtd")
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return lines[-1] if lines else "it printed nothing (systemctl status libvirtd.service may say more)"
