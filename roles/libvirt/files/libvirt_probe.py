# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Ask which libvirt a host has and which guests run on it, and change nothing.

Usage: libvirt_probe.py PREFIX RUNTIME, of the libvirt that is asked for: /usr and /run/libvirt, or where one beside
the distribution's lives. Prints one JSON object:
  packages  versions of the built packages and of the distribution's libvirt-daemon, or null
  present   the packages of the distribution's source of libvirt and of its binding, as NAME=VERSION
  guests    by name, those whose QEMU runs: {"pid", "known": whether libvirt knows it, "job": whether one is under way}
  daemon    null where libvirtd does not run, else {"build_id": of the running program,
            "outdated": its files that are not those on the disk any more}
  outdated  those of libvirtd and virtlogd that run with such files
  package   null, or what the installed package says of itself: {"version", "digest", "build_ids": by file}
  unbound   constants of libvirt's API that the Python of this libvirt does not know, by module
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PACKAGES = ("stsm-libvirt", "stsm-libvirt-beside", "libvirt-daemon")
SOURCES = ("libvirt", "libvirt-python")
DAEMONS = ("libvirtd", "virtlogd")
BINDINGS = {"libvirt": "libvirt-api.xml", "libvirt_qemu": "libvirt-qemu-api.xml"}
# The names that move guests and describe them. Those that count what there is of a kind are for C only, as are others.
CONSTANT = re.compile(r"VIR_(?:MIGRATE|DOMAIN)_[A-Z0-9_]+(?<!_LAST)")
NT_GNU_BUILD_ID = 3


def installed() -> list[tuple[str, str, str]]:
    """Source, name and version of each package; one that was removed and not purged is not installed."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${source:Package} ${Package} ${Version}\n"]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    words = (line.split() for line in shown.splitlines())
    return [(source, name, version) for status, source, name, version in words if status == "installed"]


def running_guests(state: Path) -> dict[str, int]:
    """The process of each guest's QEMU, also where no libvirtd runs."""
    found = {}
    for path in sorted(state.glob("*.pid")):
        with contextlib.suppress(OSError, ValueError):
            pid = int(path.read_text())
            if "qemu" in Path(f"/proc/{pid}/cmdline").read_text():
                found[path.stem] = pid
    return found


def known_guests() -> dict[str, bool]:
    """The running guests that libvirt knows, and whether a job is under way; starts libvirtd."""
    try:
        libvirt = importlib.import_module("libvirt")
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        connection = libvirt.open("qemu:///system")
        domains = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        return {domain.name(): busy(libvirt, domain) for domain in domains}
    except Exception:
        # No binding, no daemon, or a guest that has just ended.
        return {}


def busy(libvirt: Any, domain: Any) -> bool:
    """Whether a job of the guest is under way; of one that is arriving libvirt refuses to tell."""
    try:
        return bool(domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE)
    except libvirt.libvirtError:
        return True


def guests(state: Path) -> dict[str, dict[str, Any]]:
    """Describe the running guests."""
    running = running_guests(state)
    known = known_guests() if running else {}
    return {name: {"pid": pid, "known": name in known, "job": known.get(name, False)} for name, pid in running.items()}


def build_id(path: str) -> str:
    """The GNU build id of a program for 64 bits; '' where it has none."""
    data = Path(path).read_bytes()
    table_offset, entry_size, entries = struct.unpack_from("<Q14xHH", data, 32)
    for entry in range(entries):
        kind, _flags, offset, _va, _pa, size = struct.unpack_from("<IIQQQQ", data, table_offset + entry * entry_size)
        end = offset + size
        while kind == 4 and offset + 12 <= end:
            name_size, value_size, note = struct.unpack_from("<III", data, offset)
            value = offset + 12 + (name_size + 3 & ~3)
            if note == NT_GNU_BUILD_ID:
                return data[value : value + value_size].hex()
            offset = value + (value_size + 3 & ~3)
    return ""


def running(program: str) -> dict[str, Any] | None:
    """Look at a daemon that runs; the program it began with is there even if its file is gone."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((process / "exe").readlink()).partition(" (deleted)")[0] != program:
                continue
            maps = (process / "maps").read_text().splitlines()
            mapped = {line.split(maxsplit=5)[5] for line in maps if "libvirt" in line or program in line}
            outdated = sorted(name.partition(" (deleted)")[0] for name in mapped if name.endswith(" (deleted)"))
            return {"build_id": build_id(str(process / "exe")), "outdated": outdated}
    return None


def unbound(descriptions: Path) -> dict[str, list[str]]:
    """Compare the description of the API, where the package has one, with what Python resolves."""
    missing: dict[str, list[str]] = {}
    for module, description in BINDINGS.items():
        if not (descriptions / description).exists():
            continue
        symbols = ElementTree.parse(descriptions / description).getroot().find("symbols")
        names = {
            symbol.get("name", "")
            for symbol in ([] if symbols is None else symbols)
            if symbol.tag == "enum" or (symbol.tag == "macro" and symbol.get("string"))
        }
        try:
            binding = importlib.import_module(module)
        except ImportError:
            binding = None
        missing[module] = sorted(name for name in names if CONSTANT.fullmatch(name) and not hasattr(binding, name))
    return {module: names for module, names in missing.items() if names}


def main(prefix: Path, runtime: Path) -> None:
    """Print what was found."""
    packages = installed()
    manifest = prefix / "share/stsm-live-migration/libvirt.json"
    daemons = {name: running(str(prefix / "sbin" / name)) for name in DAEMONS}
    found = {
        "packages": {
            **dict.fromkeys(PACKAGES),
            **{name: version for _source, name, version in packages if name in PACKAGES},
        },
        "present": sorted(f"{name}={version}" for source, name, version in packages if source in SOURCES),
        "guests": guests(runtime / "qemu"),
        "daemon": daemons["libvirtd"],
        "outdated": sorted(name for name, daemon in daemons.items() if daemon and daemon["outdated"]),
        "package": json.loads(manifest.read_text()) if manifest.exists() else None,
        "unbound": unbound(prefix / "share/libvirt/api"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
