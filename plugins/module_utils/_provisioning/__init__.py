# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Virtual hosts on one machine: root file system, networks, lives. Knows nothing of Ansible or of migration."""
