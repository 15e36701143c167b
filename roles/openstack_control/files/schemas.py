# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Make or upgrade the tables of OpenStack's services, all services at once, the steps of each in order.

Reads a JSON list on standard input, one object for each service: service (a name), user (whom its steps run as), steps
(commands), and if wanted environment (of the steps) and accepted (exit codes besides 0 that mean well). What has been
done is kept in a file for each service; it is done again when a package or the request itself has changed.
Prints {"changed": [services]}; with --dry-run it only says what it would do. Ends with one sentence if a step fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict

STATE = Path("/var/lib/stsm-live-migration/openstack")
Request = Dict[str, Any]


def versions() -> str:
    """Versions of all installed packages of OpenStack's libraries and services."""
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${source:Package} ${Version}\n"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    sources = ("keystone", "glance", "placement", "nova", "neutron")
    return "".join(sorted({line + "\n" for line in shown.stdout.splitlines() if line.split()[0] in sources}))


def digest(request: Request, installed: str) -> str:
    """What a service's tables were made with; the environment may hold a secret and goes in as nothing else."""
    return hashlib.sha256((json.dumps(request, sort_keys=True) + installed).encode()).hexdigest()


def make(request: Request) -> str:
    """Take all steps of one service; the sentence that says what went wrong, or nothing."""
    accepted = {0, *request.get("accepted", ())}
    user = pwd.getpwnam(request["user"])
    environment = {**os.environ, "HOME": user.pw_dir, **request.get("environment", {})}
    for step in request["steps"]:
        command = ["runuser", "--user", request["user"], "--", *step]
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in accepted:
            said = done.stdout.strip().splitlines() or ["it printed nothing"]
            return f"{' '.join(step[:3])} failed with exit code {done.returncode}: {said[-1]}"
    return ""


def main() -> None:
    """Make what is not there yet."""
    requests: list[Request] = json.load(sys.stdin)
    installed = versions()
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    marks = {request["service"]: STATE / f"{request['service']}.made" for request in requests}
    todo = [
        request
        for request in requests
        if not marks[request["service"]].exists()
        or marks[request["service"]].read_text(encoding="ascii") != digest(request, installed)
    ]
    if "--dry-run" not in sys.argv[1:]:
        with ThreadPoolExecutor() as pool:
            failures = list(pool.map(make, todo))
        for request, failure in zip(todo, failures):
            if not failure:
                marks[request["service"]].write_text(digest(request, installed), encoding="ascii")
        if any(failures):
            sys.exit(next(failure for failure in failures if failure))
    print(json.dumps({"changed": [request["service"] for request in todo]}))


if __name__ == "__main__":
    main()
