# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options by which a campaign's results are described as an RO-Crate."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  authors:
    description: Who measured.
    type: list
    elements: dict
    default: []
    suboptions:
      affiliation:
        description: Where the author works.
        type: str
      name:
        description: The author's name.
        type: str
        required: true
      orcid:
        description: The author's ORCID iD.
        type: str
  licence:
    description: Under which licence others may use the results, as an SPDX identifier or an address.
    type: str
    default: CC-BY-4.0
"""
