# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the libvirt that this Python's binding belongs to keeps its settings and what it runs with.

A libvirt that was built says so itself, in a file of its package, since it may live beside the distribution's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._binding import libvirt

# Below the prefix of a libvirt whose binding is in PREFIX/lib/python3/dist-packages.
_MANIFEST = "share/stsm-live-migration/libvirt.json"


@dataclass(frozen=True)
class Places:
    """The distribution's, unless told otherwise."""

    configuration: Path = Path("/etc/libvirt")
    runtime: Path = Path("/run/libvirt")
    daemon: Path = Path("/usr/sbin/libvirtd")


def places(binding: Any = libvirt) -> Places:
    """The places of the libvirt that *binding*, a module of Python or None, reaches as ``qemu:///system``."""
    try:
        manifest = json.loads((Path(binding.__file__).parents[3] / _MANIFEST).read_text(encoding="utf-8"))
        return Places(*(Path(manifest[name]) for name in ("configuration", "runtime", "daemon")))
    except (AttributeError, IndexError, OSError, ValueError, KeyError, TypeError):
        return Places()
