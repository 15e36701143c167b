# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Say how this host boots, and change nothing.

Usage: boot_probe.py RELEASE, the kernel that is asked for. Prints one JSON object:
  running    what uname says
  root       {"partuuid": of the partition that is mounted at /, or null, "argument": such as root=LABEL=x, or null}
  arguments  the running kernel's, without those that say where kernel, initrd and root are
  kernel     {"image": whether RELEASE is installed, "initrd": whether it has one}
  grub       null where GRUB's tools are not installed, else
    default      GRUB_DEFAULT and savedefault GRUB_SAVEDEFAULT in /etc/default/grub
    writable     null if GRUB can write its environment while it boots, else why not
    saved, next  the entries in that environment, or null
    chosen       {"id", "release"} of the entry that the next boot takes without a choice for once, or null
    entries      [{"id": with those of its submenus, "release", "initrd": bool}]
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

MENU = Path("/boot/grub/grub.cfg")
ENVIRONMENT = Path("/boot/grub/grubenv")
# File systems that GRUB writes to; it writes to none through LVM, RAID or encryption, and to none with copy on write.
WRITABLE = {"ext2", "fat", "ntfs", "xfs"}
PLACES = ("BOOT_IMAGE=", "initrd=", "root=")
_LEVEL = re.compile(r"\s*(menuentry|submenu)\s+(?P<title>'(?:[^'\\]|\\.|'\\'')*'|\"[^\"]*\")(?P<rest>.*)\{\s*$")
_ID = re.compile(r"(?:\$menuentry_id_option|--id)\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
_KERNEL = re.compile(r"\s*linux(?:16|efi)?\s+\S*/vmlinuz-(\S+)(.*)")
_INITRD = re.compile(r"\s*initrd(?:16|efi)?\s")


def read_menu(text: str) -> list[dict[str, Any]]:
    """The entries of grub.cfg that boot Linux, in their order, those for recovery left out."""
    entries: list[dict[str, Any]] = []
    # Kind and id of what is open; None for a function's body.
    opened: list[tuple[str, str] | None] = []
    current: dict[str, Any] = {}
    for line in text.splitlines():
        level = _LEVEL.match(line)
        if level:
            identity = _ID.search(level["rest"])
            title = level["title"][1:-1]
            opened.append((level[1], next(filter(None, identity.groups()), title) if identity else title))
            if level[1] == "menuentry":
                current = {"release": None, "initrd": False, "recovery": False}
        elif line.rstrip().endswith("{"):
            opened.append(None)
        elif line.strip() == "}" and opened:
            closed = opened.pop()
            if closed and closed[0] == "menuentry" and current["release"] and not current["recovery"]:
                path = [one[1] for one in opened if one] + [closed[1]]
                entries.append({"id": ">".join(path), "release": current["release"], "initrd": current["initrd"]})
        elif current:
            kernel = _KERNEL.match(line)
            if kernel:
                current.update(release=kernel[1], recovery="single" in kernel[2].split())
            current["initrd"] = current["initrd"] or bool(_INITRD.match(line))
    return entries


def chosen(entries: list[dict[str, Any]], saved: str | None) -> dict[str, Any] | None:
    """The entry that a boot takes by itself: the saved one, or the first where none is saved or it is gone."""
    found = next((entry for entry in entries if saved and entry["id"] == saved), None)
    found = found or (entries[0] if entries else None)
    return {"id": found["id"], "release": found["release"]} if found else None


def kept_arguments(line: str) -> list[str]:
    """Arguments of a kernel's command line, without those of PLACES."""
    return [word for word in shlex.split(line) if not word.startswith(PLACES)]


def output(*argv: str) -> str | None:
    """What a command printed, None where it is missing or failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def settings() -> dict[str, str]:
    """GRUB_DEFAULT and GRUB_SAVEDEFAULT, as grub-mkconfig reads them."""
    script = (
        'for file in /etc/default/grub /etc/default/grub.d/*.cfg; do if [ -e "$file" ]; then . "$file"; fi; done; '
        'echo "$GRUB_DEFAULT"; echo "$GRUB_SAVEDEFAULT"'
    )
    lines = (output("sh", "-c", script) or "\n").split("\n")
    return {"default": lines[0], "savedefault": lines[1] if len(lines) > 1 else ""}


def why_not_writable() -> str | None:
    """Why GRUB could not write its environment block, None if it can."""
    kind = output("grub-probe", "--target=fs", str(ENVIRONMENT.parent))
    layers = output("grub-probe", "--target=abstraction", str(ENVIRONMENT.parent))
    if kind is None or layers is None:
        return f"{ENVIRONMENT.parent} is not known to grub-probe"
    if layers:
        return f"{ENVIRONMENT.parent} lies on {', '.join(layers.split())}"
    if kind not in WRITABLE:
        return f"{ENVIRONMENT.parent} is a file system {kind}"
    try:
        # The same bytes again: that proves it and changes nothing.
        with ENVIRONMENT.open("r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content)
    except OSError as error:
        return f"{ENVIRONMENT} cannot be written ({error.strerror})"
    return None


def grub() -> dict[str, Any] | None:
    """How GRUB boots this host."""
    if not all(shutil.which(tool) for tool in ("grub-probe", "grub-editenv", "grub-reboot", "update-grub")):
        return None
    kept = output("grub-editenv", str(ENVIRONMENT), "list") or ""
    environment = dict(line.split("=", 1) for line in kept.splitlines() if "=" in line)
    entries = read_menu(MENU.read_text(errors="replace")) if MENU.exists() else []
    return {
        **settings(),
        "writable": why_not_writable(),
        "saved": environment.get("saved_entry") or None,
        "next": environment.get("next_entry") or None,
        "chosen": chosen(entries, environment.get("saved_entry")),
        "entries": entries,
    }


def main(release: str) -> None:
    """Print what was found."""
    # Where no partition is mounted there is no such thing as its name.
    partuuid = output("findmnt", "--noheadings", "--output=PARTUUID", "/")
    line = Path("/proc/cmdline").read_text()
    named = [word for word in shlex.split(line) if word.startswith("root=")]
    found = {
        "running": os.uname().release,
        "root": {"partuuid": partuuid or None, "argument": named[-1] if named else None},
        "arguments": kept_arguments(line),
        "kernel": {
            "image": bool(release) and Path(f"/boot/vmlinuz-{release}").exists(),
            "initrd": bool(release) and Path(f"/boot/initrd.img-{release}").exists(),
        },
        "grub": grub(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
