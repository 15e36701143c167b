# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May the host's unprivileged QEMU use userfaultfd, and by what right?  Tried, not read from a setting."""

from __future__ import annotations

import ctypes
import os
import pwd
import re
from pathlib import Path
from typing import Any

from ._libvirt_places import places
from ._qemu import account, post_copy_refusal

_SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282}
_DEVICE = "/dev/userfaultfd"
# None is 0 or 1, which a child that came to grief may give as well.
_BY_DEVICE, _BY_SYSTEM_CALL, _REFUSED = 10, 11, 12


def post_copy_permission(emulator: str) -> dict[str, Any]:
    """``{"permitted", "by", "reason", "needs_libvirt"}``: what QEMU's own user gets when it asks as QEMU would.

    *needs_libvirt* is whether only a QEMU that libvirt starts is permitted.
    """
    user = account()
    verdict = _as_user(user)
    if verdict == _BY_DEVICE:
        return _permitted(f"the device node {_DEVICE}")
    if verdict == _BY_SYSTEM_CALL:
        return _permitted("the system call (vm.unprivileged_userfaultfd is 1)")
    if post_copy_refusal(emulator) is None:
        return _permitted(f"a capability of {emulator}")
    if _libvirt_labels_device():
        return _permitted(f"libvirt, which gives each guest a {_DEVICE} of its own", needs_libvirt=True)
    return {
        "permitted": False,
        "needs_libvirt": False,
        "by": None,
        "reason": f"{user.pw_name} may neither open {_DEVICE} nor call userfaultfd, which post-copy needs: set "
        "qemu_userfaultfd_cure to device (or auto) and run the playbook deploy.",
    }


def _permitted(by: str, needs_libvirt: bool = False) -> dict[str, Any]:
    return {"permitted": True, "by": by, "reason": None, "needs_libvirt": needs_libvirt}


def _as_user(user: pwd.struct_passwd) -> int:
    """Ask in a child process that has become QEMU's user, its groups included."""
    child = os.fork()
    if child:
        _pid, status = os.waitpid(child, 0)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _REFUSED
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os._exit(_ask())
    finally:
        os._exit(_REFUSED)


def _ask() -> int:
    try:
        os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        number = _SYS_USERFAULTFD.get(os.uname().machine)
        if number is not None and ctypes.CDLL(None).syscall(number, os.O_CLOEXEC) >= 0:
            return _BY_SYSTEM_CALL
        return _REFUSED
    return _BY_DEVICE


def _libvirt_labels_device() -> bool:
    """libvirt with mount namespaces makes the node for each guest, from 9.0 on, as long as the host has one."""
    try:
        configuration = (places().configuration / "qemu.conf").read_text(encoding="utf-8")
    except OSError:
        return False
    namespaces_off = re.search(r"^\s*namespaces\s*=\s*\[\s*\]", configuration, re.MULTILINE)
    return namespaces_off is None and Path(_DEVICE).exists()
