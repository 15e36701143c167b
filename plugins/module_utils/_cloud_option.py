# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``cloud`` that modules share: its argument spec, and the cloud that it chooses."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import CloudChoice


def cloud_argument_spec() -> dict[str, Any]:
    """The argument spec that belongs to the documentation fragment ``_cloud``."""
    return {
        "cloud": {
            "type": "dict",
            "options": {
                "config_file": {"type": "path"},
                "name": {"type": "str", "required": True},
                "network": {"type": "str", "default": ""},
            },
        }
    }


def read_cloud(option: Mapping[str, Any] | None) -> CloudChoice | None:
    """The cloud of the option; None if none is given."""
    return CloudChoice(**option) if option else None
