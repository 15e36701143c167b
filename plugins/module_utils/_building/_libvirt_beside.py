# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What an installed libvirt needs to live beside the distribution's: names of its own, and ways to reach it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import Layout

_UNITS = "usr/lib/systemd/system"
_UNIT = re.compile(r"\b((?:libvirtd|virtlockd|virtlogd)(?:-[a-z]+)?\.(?:service|socket))\b")
_LEFT_OUT = (
    # Guests of a measurement are nobody's to save when a host is shut down.
    f"{_UNITS}/libvirt-guests.service",
    f"{_UNITS}/virt-guest-shutdown.target",
    "{usr}/libexec/libvirt-guests.sh",
)
_PYTHON = """\
#!/bin/sh
# The host's Python, with the binding of the libvirt that lies here.
PYTHONPATH={python}${{PYTHONPATH:+:$PYTHONPATH}} exec /usr/bin/python3 "$@"
"""


def set_apart(root: Path, layout: Layout) -> None:
    """Rename what the distribution's libvirt has by the same name, and lay what leads to this one."""
    for pattern in _LEFT_OUT:
        for path in root.glob(layout.below(pattern)):
            path.unlink()
    for path in sorted((root / _UNITS).glob("*")):
        _rename_unit(path, layout)
    # Settings of others' programs are where these look for them.
    for path in sorted((root / layout.below("{etc}/logrotate.d")).glob("*")):
        target = root / "etc/logrotate.d" / f"{layout.units}{path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    for name in ("logrotate.d", "sasl2"):
        shutil.rmtree(str(root / layout.below("{etc}") / name), ignore_errors=True)
    # One host, one certificate.
    (root / layout.below("{etc}/pki")).symlink_to("/etc/pki")
    python = root / layout.below("{usr}/bin/python3")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(_PYTHON.format(python=layout.python), encoding="utf-8")
    python.chmod(0o755)


def _rename_unit(path: Path, layout: Layout) -> None:
    text = _UNIT.sub(rf"{layout.units}\1", path.read_text(encoding="utf-8"))
    # libvirt knows its sockets by the names of their units, unless they are told apart so.
    text = text.replace("[Socket]\n", f"[Socket]\nFileDescriptorName={path.name}\n")
    path.unlink()
    path.with_name(layout.units + path.name).write_text(text, encoding="utf-8")
