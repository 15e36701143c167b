# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU itself, started by its own unprivileged user as libvirt would start it, and gone when the answer is there."""

from __future__ import annotations

import json
import pwd
import subprocess
from typing import Any, Iterable, Mapping, Sequence

from ._errors import AgentError

_USERS = ("libvirt-qemu", "qemu")
_TIME_LIMIT_SECONDS = 10


def account() -> pwd.struct_passwd:
    """The user that QEMU runs as on this host."""
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AgentError("The host has no user for QEMU (libvirt-qemu): deploy the host's stack first (playbook deploy).")


def as_user(command: list[str]) -> list[str]:
    """The command that runs *command* as QEMU's user, and that does not outlive this agent."""
    user = account()
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups", "--pdeathsig=KILL"]
    return [*become, "--", *command]


def abilities(emulator: str) -> dict[str, Any]:
    """``{"migration_capabilities": [names], "machines": {type asked for: type that a guest then gets}}``.

    QEMU is asked itself: libvirt tells of the machine types of the one that it would choose.
    """
    capabilities, machines = converse(
        emulator, {"execute": "query-migrate-capabilities"}, {"execute": "query-machines"}
    )
    return {
        "migration_capabilities": sorted(row["capability"] for row in capabilities["return"]),
        "machines": machine_types(machines["return"]),
    }


def machine_types(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By each name a guest may ask for, the machine type that it gets (``{"q35": "pc-q35-10.0"}``)."""
    return {name: row["name"] for row in rows for name in (row["name"], row.get("alias")) if name}


def post_copy_refusal(emulator: str) -> str | None:
    """Why QEMU refuses post-copy at a waiting destination, the only place where it tries; None if it does not."""
    wanted = [{"capability": "postcopy-ram", "state": True}]
    request = {"execute": "migrate-set-capabilities", "arguments": {"capabilities": wanted}}
    (answer,) = converse(emulator, request)
    return str(answer["error"]["desc"]) if "error" in answer else None


def converse(
    emulator: str, *requests: dict[str, Any], options: Sequence[str] = (), incoming: bool = True
) -> list[dict[str, Any]]:
    """Start QEMU without a machine, send *requests* over QMP, and return their answers in order.

    Only one that waits for an *incoming* migration tries userfaultfd when it is told to do post-copy.
    """
    bare = ["-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"]
    if incoming:
        bare += ["-incoming", "defer"]
    spoken = [{"execute": "qmp_capabilities"}, *requests, {"execute": "quit"}]
    try:
        done = subprocess.run(
            as_user([emulator, *bare, *options]),
            input="".join(json.dumps(request) + "\n" for request in spoken),
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AgentError(f"{emulator} could not be asked ({error}): install QEMU again (playbook deploy).") from None
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    answers = [reply for reply in replies if "return" in reply or "error" in reply][1 : 1 + len(requests)]
    if len(answers) < len(requests):
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise AgentError(f"{emulator} did not answer ({said}): install QEMU again (playbook deploy).")
    return answers
