# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The one error of the builder."""

from __future__ import annotations


class BuildError(Exception):
    """One sentence: what was found, what was needed, what to set."""
