# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's Python binding, which a host has and the controller, that only packs the agent, may lack."""

from __future__ import annotations

__all__ = ["libvirt", "libvirt_qemu"]

try:
    import libvirt
    import libvirt_qemu
except ImportError:
    libvirt = libvirt_qemu = None
