# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the networks between virtual hosts, and of who is reached on them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  addresses:
    description:
      - For each network by name, the address of each host by name. The management network's hosts are the hosts.
      - Required to make hosts.
    type: dict
  authorized_key:
    description: Public SSH key that may log in as root. Required to make hosts.
    type: str
  host_folders:
    description:
      - For a host by name, folders of the machine that it sees and may write, as path on the machine to path in the
        host.
      - A folder that is missing is made, and none is ever removed. Refused for virtual machines.
    type: dict
  host_networks:
    description: For a host by name, the networks that it joins, V(management) among them. All networks if not given.
    type: dict
  members:
    description:
      - Those of the hosts to make, if others of the same O(prefix) and O(state_folder) are made by another backend.
      - All hosts if not given.
    type: list
    elements: str
  networks:
    description: Networks, one of them named V(management). Required to make hosts.
    type: list
    elements: dict
    suboptions:
      bridge:
        description: Name of the bridge on the machine.
        type: str
        required: true
      delay_ms:
        description: One-way delay of each packet. Refused where the kernel that is to delay it has no netem.
        type: float
        default: 0
      host_bridge:
        description: Bridge inside each host that its interface belongs to. Hosts have no address on such a network.
        type: str
      mtu:
        description: Largest packet in bytes.
        type: int
        default: 1500
      name:
        description: Name of the network, and of the interface in each host.
        type: str
        required: true
      provisioner_address:
        description: The machine's own address in the network, if it has one.
        type: str
      rate_mbit_per_second:
        description: Line rate, sending and receiving; unlimited if left out.
        type: float
      subnet:
        description: Subnet of the network, IPv4 or IPv6.
        type: str
        required: true
"""
