# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of a module that is run elsewhere: in another process here, or on a host."""

from __future__ import annotations

import inspect
from types import ModuleType


def source_of(module: ModuleType) -> str:
    """The module's source text, also from inside the archive in which Ansible ships a module."""
    return inspect.getsource(module)
