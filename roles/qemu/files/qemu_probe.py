# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Ask QEMU and the kernel what this host can do, and change nothing.

Usage: qemu_probe.py QEMU_BINARY USER GROUP. Prints one JSON object:
  version       "11.1.3", or null where QEMU is not installed
  capabilities  names of the migration capabilities that QEMU offers
  post_copy     {"usable": bool, "by": "sysctl", "device", "capability" or null, "reason": QEMU's own words or null};
                asked as USER
  userfaultfd   {"minor": number of the misc device or null, "node": {"minor", "mode", "group"} or null,
                 "bound": whether the node is mounted in from elsewhere}
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

NODE = Path("/dev/userfaultfd")
SYSCTL = Path("/proc/sys/vm/unprivileged_userfaultfd")
TIME_LIMIT_SECONDS = 30


def converse(command: list[str], requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start QEMU without a machine, send the requests over QMP, return the answers in order (events left out)."""
    text = "".join(json.dumps(request) + "\n" for request in [{"execute": "qmp_capabilities"}, *requests])
    done = subprocess.run(
        [*command, "-machine", "none", "-nodefaults", "-display", "none", "-incoming", "defer", "-qmp", "stdio"],
        input=text + '{"execute": "quit"}\n',
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    answers = [reply for reply in replies if "return" in reply or "error" in reply][1 : 1 + len(requests)]
    if len(answers) < len(requests):
        raise RuntimeError(f"{' '.join(command)} did not run: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return answers


def post_copy(binary: str, user: str, group: str) -> dict[str, Any]:
    """Set the capability at a waiting destination, the only place where QEMU tries userfaultfd."""
    as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", "--"]
    wanted = {"capabilities": [{"capability": "postcopy-ram", "state": True}]}
    try:
        answer = converse([*as_user, binary], [{"execute": "migrate-set-capabilities", "arguments": wanted}])[0]
    except RuntimeError as error:
        return {"usable": False, "by": None, "reason": str(error)}
    if "error" in answer:
        return {"usable": False, "by": None, "reason": answer["error"]["desc"]}
    if SYSCTL.exists() and int(SYSCTL.read_text()) == 1:
        return {"usable": True, "by": "sysctl", "reason": None}
    opened = subprocess.run([*as_user, "test", "-w", str(NODE)], check=False).returncode == 0
    return {"usable": True, "by": "device" if opened else "capability", "reason": None}


def userfaultfd() -> dict[str, Any]:
    """Describe the kernel's device for userfaultfd."""
    misc = [line.split() for line in Path("/proc/misc").read_text().splitlines()]
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    node = None
    if NODE.exists():
        status = NODE.stat()
        node = {
            "minor": os.minor(status.st_rdev),
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "group": status.st_gid,
        }
    return {
        "minor": next((int(number) for number, name in misc if name == "userfaultfd"), None),
        "node": node,
        "bound": str(NODE) in mounts,
    }


def main(binary: str, user: str, group: str) -> None:
    """Print what was found."""
    found: dict[str, Any] = {"version": None, "capabilities": [], "userfaultfd": userfaultfd()}
    found["post_copy"] = {"usable": False, "by": None, "reason": f"{binary} is not installed"}
    if os.access(binary, os.X_OK):
        version, capabilities = converse(
            [binary], [{"execute": "query-version"}, {"execute": "query-migrate-capabilities"}]
        )
        numbers = version["return"]["qemu"]
        found["version"] = "{major}.{minor}.{micro}".format(**numbers)
        found["capabilities"] = sorted(entry["capability"] for entry in capabilities["return"])
        found["post_copy"] = post_copy(binary, user, group)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
