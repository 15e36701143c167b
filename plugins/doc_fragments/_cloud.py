# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the option by which modules are told of the cloud that the hosts belong to."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cloud:
    description:
      - The OpenStack cloud that the hosts belong to, for scenarios whose C(driver) is V(nova).
      - Nova is to know the hosts by their O(hosts[].libvirt_name), and its role of an administrator is needed.
      - The guest's images and flavors are made in it when they are first needed, and stay.
    type: dict
    suboptions:
      config_file:
        description: The C(clouds.yaml) with the credentials. By default where C(openstacksdk) looks.
        type: path
      name:
        description: The cloud's name in it.
        type: str
        required: true
      network:
        description:
          - The network on which a guest gets the address O(guest_address), and the observer reaches it.
          - Left out, guests get no network port.
        type: str
        default: ""
"""
