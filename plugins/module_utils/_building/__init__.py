# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Packages from source: one build for one digest of all its inputs. Knows nothing of Ansible or of migration."""
