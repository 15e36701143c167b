# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Describes the API of the tiny libvirt: one constant."""

from __future__ import annotations

import sys
from pathlib import Path

DESCRIPTION = "<api name='libvirt'><symbols><enum name='VIR_MIGRATE_LIVE' value='1'/></symbols></api>\n"
Path(sys.argv[2], "libvirt-api.xml").write_text(DESCRIPTION, encoding="utf-8")
