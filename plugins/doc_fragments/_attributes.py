# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the attributes that all modules state."""

from __future__ import annotations


class ModuleDocFragment:
    # Every module belongs to the group; how far it supports the others, it says itself.
    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/stsm.live_migration.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - stsm.live_migration.all
  check_mode:
    description: Can run in C(check_mode) and return what it would change, without changing it.
  diff_mode:
    description: Returns what changed, or in C(check_mode) would change, when in diff mode.
  idempotent:
    description: Changes nothing when run again with the same arguments.
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
    details: This module changes nothing.
  idempotent:
    support: full
    details: This module changes nothing.
"""
