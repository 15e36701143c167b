# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The life of a virtual host under systemd-nspawn: boot, greeting, end."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _devices, _host, _plan, _service

# System calls that nspawn denies and a hypervisor needs: post-copy, and what QEMU and libvirt try at start.
_SYSTEM_CALLS = "userfaultfd bpf add_key keyctl perf_event_open"
# For a machine with a device controller: nodes that programs in a host use or make (mknod) themselves.
_DEVICE_RULES = ("/dev/net/tun", "/dev/kvm", "/dev/userfaultfd")
_STOP_PATIENCE_SECONDS = 6.0
_BANNER = b"SSH-2.0-OpenSSH"


def start(testbed: _plan.Testbed, host: _plan.Host) -> None:
    """Boot the host; returns at once."""
    folder = _host.folder_of(testbed.state_folder, host.name)
    argv = ["systemd-nspawn", f"--directory={folder.root}", f"--machine={testbed.prefix}-{host.name}"]
    argv += [f"--hostname={host.name}", "--boot", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no"]
    argv += [f"--network-namespace-path={folder.namespace}", "--resolv-conf=off", "--timezone=off"]
    argv += ["--console=read-only", "--capability=all", f"--system-call-filter={_SYSTEM_CALLS}"]
    argv += [f"--bind={outside}:{inside}" for outside, inside in host.folders.items()]
    properties = ["Delegate=yes", "KillMode=mixed", "TasksMax=16384", "DevicePolicy=closed", "DeviceAllow=char-pts rwm"]
    # A node is made inside with its number, which the rule takes from the machine's node of that name.
    nodes = sorted({*_DEVICE_RULES, *testbed.devices})
    properties += [f"DeviceAllow={node} rwm" for node in nodes if _devices.exists(node)]
    # Settings of the network, and of nothing else of the kernel that all hosts share, are the host's own to change.
    environment = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
    _service.start(_unit(testbed.prefix, host.name), argv, folder.log, properties, environment)


def wait(testbed: _plan.Testbed, host: _plan.Host, deadline: float) -> None:
    """Wait until sshd greets; a bare connection proves nothing, since a gateway may accept it for an absent host."""
    folder = _host.folder_of(testbed.state_folder, host.name)
    address = str(host.addresses[_plan.MANAGEMENT])
    while not _greets(address):
        ended = not folder.processes()
        if ended or time.monotonic() > deadline:
            what = "ended while booting" if ended else f"does not answer SSH at {address} in the given time"
            raise MachineError(f"host {host.name} {what}: {_last_line(folder.log)} (the rest is in {folder.log})")
        time.sleep(0.1)


def stop_all(folders: list[_host.HostFolder], prefix: str) -> None:
    """End hosts all at once, as quickly as is safe: their guests first, then SSH sessions, then the hosts."""
    running = {pid: folder for folder in folders for pid in folder.processes()}
    for pid in running:
        for inside in _processes_inside(pid):
            name = _process_name(inside)
            # A guest without ACPI, or one that migrates, would hold up an orderly shutdown for minutes.
            if name.startswith("qemu-system"):
                _service.send(inside, signal.SIGKILL)
            elif name.startswith("sshd-session"):
                _service.send(inside, signal.SIGTERM)
    # The first signal asks the host to shut down, a second one ends it at once.
    survivors = _service.stop(running, [signal.SIGTERM, signal.SIGTERM, signal.SIGKILL], _STOP_PATIENCE_SECONDS)
    if survivors:
        raise MachineError(f"systemd-nspawn (process {survivors[0]}) does not end, not even by SIGKILL: look at dmesg")
    for folder in folders:
        _service.forget(_unit(prefix, folder.path.name))


def _unit(prefix: str, name: str) -> str:
    return f"{prefix}-{name}.service"


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1.0) as connection:
            return connection.recv(64).startswith(_BANNER)
    except OSError:
        return False


def _processes_inside(nspawn: int) -> list[int]:
    """Processes in the PID namespace that `nspawn` made for its host."""
    spaces = {pid: _pid_namespace(pid) for pid in _service.processes()}
    own = _pid_namespace(os.getpid())
    inner = {spaces[pid] for pid in spaces if _parent(pid) == nspawn and spaces[pid] not in ("", own)}
    return [pid for pid, space in spaces.items() if space in inner]


def _pid_namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _process_name(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


def _last_line(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.is_file() else ""
    return text.splitlines()[-1] if text else "it printed nothing"
