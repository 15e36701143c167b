#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: accelerator_info
short_description: Prove on which accelerator virtual machines run on a machine
version_added: 0.1.0
description:
  - Boots a kernel in QEMU on KVM and on TCG, emulation, and takes the accelerator on which it first comes to the end of
    its boot. Nothing is changed, and no process is left.
  - A device node is no proof. There are machines with C(/dev/kvm) on which a kernel boots within no useful time.
  - KVM is tried alone for half of the time allowed, since inside a virtual machine whose processors are emulated TCG
    would slow it down. TCG is tried from then on, or from the moment that KVM fails.
  - On a busy machine a boot takes longer, since it is measured by the wall clock.
author:
  - the stsm.live_migration authors (@stsm)
requirements:
  - qemu-system-x86_64
  - setpriv (util-linux)
extends_documentation_fragment:
  - stsm.live_migration._attributes
  - stsm.live_migration._attributes.INFO_MODULE
options:
  emulator:
    description: QEMU's binary, as a path or as a name that is looked up.
    type: str
    default: qemu-system-x86_64
  kernel:
    description:
      - A Linux kernel image (bzImage) with a driver for serial consoles built in, such as any distribution's.
      - It is started with neither disk nor initial RAM disk, and ends with a panic when it looks for its root file
        system.
    type: path
    required: true
  limit_seconds:
    description: How long all trials may take together.
    type: float
    default: 20
seealso:
  - module: stsm.live_migration.preflight_info
"""

EXAMPLES = r"""
- name: On what do virtual machines run here
  stsm.live_migration.accelerator_info:
    kernel: /boot/vmlinuz-6.12.48+deb13-amd64
  become: true
  register: proven

- name: Say so
  ansible.builtin.debug:
    msg: "{{ proven.sentence }}"
"""

RETURN = r"""
accelerator:
  description: The accelerator on which virtual machines run, V(kvm) or V(tcg).
  type: str
  returned: success
  sample: tcg
boot_seconds:
  description: How long the kernel took on it, by the wall clock.
  type: float
  returned: success
  sample: 6.9
sentence:
  description: What was chosen and why.
  type: str
  returned: success
  sample: >-
    Virtual machines run on tcg: a kernel boots in 6.9 s there, on kvm (device /dev/kvm is there) it did not in 17.0 s.
trials:
  description: What came of each accelerator that was tried, by its name.
  type: dict
  returned: success
  contains:
    boot_seconds:
      description: How long the kernel took, none if it did not come to the end of its boot.
      type: float
    said:
      description: Why QEMU ended before, empty if it did not.
      type: str
    tried_seconds:
      description: How long the accelerator was tried.
      type: float
  sample:
    kvm: {boot_seconds: null, said: "", tried_seconds: 17.0}
    tcg: {boot_seconds: 6.9, said: "", tried_seconds: 6.9}
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _accelerator


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "emulator": {"type": "str", "default": "qemu-system-x86_64"},
            "kernel": {"type": "path", "required": True},
            "limit_seconds": {"type": "float", "default": 20},
        },
        supports_check_mode=True,
    )
    try:
        choice = _accelerator.choose(
            Path(module.params["kernel"]), module.params["emulator"], module.params["limit_seconds"]
        )
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(changed=False, sentence=choice.sentence, **asdict(choice))


if __name__ == "__main__":
    main()
