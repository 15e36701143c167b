# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has to offer to guests that are to come: room, time, machines, processors, capabilities."""

from __future__ import annotations

import platform
import shutil
import time
from pathlib import Path
from typing import Any, Sequence
from xml.etree import ElementTree

from ._binding import libvirt
from ._memory import available_memory_mib
from ._qemu import abilities


def survey(connection: Any, emulator: str, accelerator: str | None, folders: Sequence[str]) -> dict[str, Any]:
    """Describe the host for a guest that runs on *accelerator* (None: none is asked for); changes nothing."""
    return {
        "available_memory_mib": available_memory_mib(),
        "free_mib": {folder: free_mib(Path(folder)) for folder in folders},
        "guests": [domain.name() for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)],
        **abilities(emulator),
        **(_processors(connection, emulator, accelerator) if accelerator else {}),
    }


def wall_clock_ns() -> int:
    """What the host takes for the time of day."""
    return time.time_ns()


def free_mib(folder: Path) -> int:
    """Free room where *folder* is or would be made."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free >> 20


def _processors(connection: Any, emulator: str, accelerator: str) -> dict[str, Any]:
    """``{"cpu_models": {name: [features the host lacks]}, "accelerator_refusal": libvirt's words or None}``."""
    kind = "kvm" if accelerator == "kvm" else "qemu"
    try:
        answer = connection.getDomainCapabilities(emulator, platform.machine(), None, kind)
    except libvirt.libvirtError as error:
        return {"cpu_models": {}, "accelerator_refusal": str(error)}
    custom = ElementTree.fromstring(answer).find("cpu/mode[@name='custom']")
    if custom is None:
        return {"cpu_models": {}, "accelerator_refusal": None}
    lacking = {
        blockers.get("model"): [feature.get("name", "") for feature in blockers.iterfind("feature")]
        for blockers in custom.iterfind("blockers")
    }
    models = {}
    for model in custom.iterfind("model"):
        # Older libvirts say that a model lacks something, but not what.
        unnamed = ["some of its features"] if model.get("usable") == "no" else []
        models[model.text or ""] = lacking.get(model.text, unnamed)
    return {"cpu_models": models, "accelerator_refusal": None}
