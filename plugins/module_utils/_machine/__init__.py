# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The machine that a module runs on: its tools, folders and package archives. Knows nothing of Ansible or migration."""
