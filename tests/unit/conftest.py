# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of all unit tests."""

from __future__ import annotations

from hypothesis import settings

# A test is not wrong because the machine is busy.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
