# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Which recipe makes which component."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building._build import Recipe
from ansible_collections.stsm.live_migration.plugins.module_utils._building._kernel import KernelRecipe
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt import LibvirtRecipe
from ansible_collections.stsm.live_migration.plugins.module_utils._building._qemu import QemuRecipe

RECIPES: dict[str, Callable[[Mapping[str, Any]], Recipe]] = {
    "kernel": KernelRecipe,
    "libvirt": LibvirtRecipe,
    "qemu": QemuRecipe,
}
