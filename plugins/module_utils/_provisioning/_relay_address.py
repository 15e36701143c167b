# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Where hosts find the package relay: each resolves the name itself, to its provisioner's address."""

from __future__ import annotations

NAME = "package-relay"
PORT = 3142
