# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the agent: one sentence each, sent to the controller as they are."""

from __future__ import annotations


class AgentError(Exception):
    """What was found, what was needed, what to do."""
