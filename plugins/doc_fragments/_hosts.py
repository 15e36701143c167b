# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the option by which modules are told of the two hosts."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hosts:
    description:
      - The two hosts between which guests move, in any order.
      - The agent is sent to each over SSH; it needs the host's own Python and C(python3-libvirt).
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: Where SSH reaches the host.
        type: str
        required: true
      concessions:
        description: What sets this host apart from an ordinary server, written into each record.
        type: list
        elements: str
        default: []
      emulator:
        description:
          - The program that the workload guest runs on, by a path that leads to the host's own QEMU on both hosts.
          - By default what libvirt finds on the host.
        type: path
        default: ""
      libvirt_name:
        description:
          - The name in the host's certificate, by which the other host's libvirt reaches it.
          - By default O(hosts[].name).
        type: str
      libvirt_port:
        description:
          - The port at which the other host's libvirt reaches it.
          - V(0) is what libvirt takes for O(hosts[].libvirt_transport).
        type: int
        default: 0
      libvirt_transport:
        description: How the other host's libvirt reaches it; V(tcp) is for a lab that has chosen to do without TLS.
        type: str
        choices: [tls, tcp]
        default: tls
      migration_address:
        description: The host's address on the migration network.
        type: str
        required: true
      migration_interface:
        description: The host's interface on the migration network, whose bytes are counted.
        type: str
        default: migration
      name:
        description: The host's name in the inventory.
        type: str
        required: true
      port:
        description: The port of SSH.
        type: int
        default: 22
      python:
        description:
          - The Python on the host that can import libvirt. Guests run on the libvirt that it reaches.
          - For a libvirt beside the distribution's it is C(/opt/stsm-live-migration/libvirt/bin/python3).
        type: path
        default: /usr/bin/python3
      shared_folder:
        description: Where hosts that share their guests' images have them, the same on both.
        type: path
        default: /var/lib/stsm-live-migration/shared
      ssh_arguments:
        description: Further arguments of C(ssh), such as the key and the known hosts.
        type: list
        elements: str
        default: []
      tenant_bridge:
        description: The host's bridge of the guests' network.
        type: str
        default: tenant0
      user:
        description: The user SSH logs in as; any other than V(root) must be allowed C(sudo) without a password.
        type: str
        default: root
"""
