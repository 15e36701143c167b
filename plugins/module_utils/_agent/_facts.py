# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host is: the part of a record's provenance that only the host knows."""

from __future__ import annotations

import json
import os
import platform
import re
import struct
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ._daemon import daemon_program

_NT_GNU_BUILD_ID = 3
_PT_NOTE = 4
# Where deployments leave what they were made of.
_FACTS_FOLDER = "/etc/ansible/facts.d"
_SYSCTLS = (
    "vm.unprivileged_userfaultfd",
    "vm.overcommit_memory",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.core.default_qdisc",
)


def gather(connection: Any, interface: str, emulator: str) -> dict[str, Any]:
    """Describe the host, its stack and the migration *interface*; *connection* is libvirt's (or None).

    *emulator* is the path of the program that guests run on; empty for the one that libvirt finds.
    """
    facts: dict[str, Any] = {
        "kernel": platform.release(),
        "kernel_version": platform.version(),
        "machine": platform.machine(),
        "python_version": platform.python_version(),
        "cpu_model": _cpu_field("model name"),
        "microcode": _cpu_field("microcode"),
        "cpus": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "operating_system": _os_release(),
        "transparent_huge_pages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "cpu_governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "sysctls": {name: _read("/proc/sys/" + name.replace(".", "/")) for name in _SYSCTLS},
        "nic": _interface(interface),
        "workload_digest": _workload_digest(),
        "virtualization": _virtualization("vm"),
        "container": _virtualization("container"),
    }
    if connection is not None:
        emulator = _emulator(connection, emulator)
        facts.update(
            libvirt_version=_dotted(connection.getLibVersion()),
            qemu_version=qemu_version(emulator),
            libvirt_build_id=build_id(daemon_program()),
            qemu_binary=emulator,
            qemu_build_id=build_id(emulator),
            builds=builds(),
        )
    return facts


def build_id(path: str) -> str:
    """The GNU build id of an ELF file as hex digits, or '' where it has none."""
    try:
        return _build_id(Path(path))
    except (OSError, struct.error):
        return ""


def _build_id(path: Path) -> str:
    with path.open("rb") as elf:
        header = elf.read(64)
        if header[:5] != b"\x7fELF\x02":
            return ""
        table_offset, entry_size, entries = struct.unpack_from("<Q14xHH", header, 32)
        for index in range(entries):
            elf.seek(table_offset + index * entry_size)
            kind, _flags, offset, _va, _pa, size = struct.unpack("<IIQQQQ", elf.read(40))
            if kind != _PT_NOTE:
                continue
            elf.seek(offset)
            found = _build_id_in_notes(elf.read(size))
            if found:
                return found
    return ""


def _build_id_in_notes(notes: bytes) -> str:
    position = 0
    while position + 12 <= len(notes):
        name_size, value_size, kind = struct.unpack_from("<III", notes, position)
        name_start = position + 12
        value_start = name_start + (name_size + 3 & ~3)
        if kind == _NT_GNU_BUILD_ID and notes[name_start : name_start + 3] == b"GNU":
            return notes[value_start : value_start + value_size].hex()
        position = value_start + (value_size + 3 & ~3)
    return ""


def qemu_version(emulator: str) -> str:
    """What the program itself says, since libvirt only tells of the one that it would choose; '' if it does not run."""
    try:
        said = subprocess.run([emulator, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"version (\d+\.\d+\.\d+)", said)
    return found.group(1) if found else ""


def _emulator(connection: Any, path: str) -> str:
    """The program behind the path, or behind the one that libvirt finds; refused by libvirt if it cannot use it."""
    capabilities = ElementTree.fromstring(
        connection.getDomainCapabilities(path or None, platform.machine(), None, None)
    )
    return os.path.realpath(capabilities.findtext("path") or "")


def builds() -> dict[str, Any]:
    """What was built from source for this host, by component: the facts that its deployment has left.

    A kernel counts only while the host runs on it; its name ends with the build's digest.
    """
    found = {}
    for path in sorted(Path(_FACTS_FOLDER).glob("stsm_*.fact")):
        try:
            fact = json.loads(path.read_text(encoding="utf-8"))
            patches = [patch["name"] for patch in fact["inputs"]["patches"]]
            if fact["component"] == "kernel" and not os.uname().release.endswith(f"-stsm-{fact['digest'][:8]}"):
                continue
            found[fact["component"]] = {"version": fact["version"], "digest": fact["digest"], "patches": patches}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _interface(name: str) -> dict[str, Any]:
    base = f"/sys/class/net/{name}"
    driver = Path(base, "device/driver")
    return {
        "name": name,
        "mtu": int(_read(f"{base}/mtu") or 0),
        "speed_mbit_per_second": int(_read(f"{base}/speed") or -1),
        "driver": driver.resolve().name if driver.exists() else "virtual",
    }


def _virtualization(kind: str) -> str:
    """Which *kind* of virtualisation (``vm``, ``container``) the host is itself, as systemd names it; ``none`` if none.

    A host without systemd only shows whether it is a virtual machine.
    """
    try:
        done = subprocess.run(["systemd-detect-virt", f"--{kind}"], capture_output=True, text=True, check=False)
    except OSError:
        return "vm-other" if kind == "vm" and "hypervisor" in _cpu_field("flags").split() else "none"
    return done.stdout.strip() or "none"


def _workload_digest() -> str:
    """Which workload is installed for the guest; '' where none is."""
    return str(json.loads(_read("/var/lib/stsm-live-migration/workload/workload.json") or "{}").get("digest", ""))


def _os_release() -> str:
    for line in (_read("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return platform.platform()


def _cpu_field(field: str) -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith(field):
            return line.split(":", 1)[1].strip()
    return ""


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
