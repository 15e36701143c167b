# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's name, version and home, as galaxy.yml has them: a module is sent without that file."""

from __future__ import annotations

COLLECTION = "stsm.live_migration"
VERSION = "0.1.0"
HOME = "https://example.org/stsm/live_migration"
