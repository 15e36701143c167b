# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Arguments that several modules of the provisioner have in common; documented in the fragment `_networks`."""

from __future__ import annotations

from typing import Any

NETWORK_OPTIONS: dict[str, dict[str, Any]] = {
    "bridge": {"type": "str", "required": True},
    "delay_ms": {"type": "float", "default": 0},
    "host_bridge": {"type": "str"},
    "mtu": {"type": "int", "default": 1500},
    "name": {"type": "str", "required": True},
    "provisioner_address": {"type": "str"},
    "rate_mbit_per_second": {"type": "float"},
    "subnet": {"type": "str", "required": True},
}
