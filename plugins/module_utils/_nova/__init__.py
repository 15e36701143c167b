# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live migration as OpenStack's Nova lets it be set: the options of each release, and what excludes what."""
