#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_image
short_description: Build the root file system that virtual hosts share
version_added: 0.1.0
description:
  - Builds a bare Debian root file system with C(mmdebstrap) from the archive that apt on the machine is configured
    with, signed by the keyring that is named there.
  - An image is kept under a digest of all its inputs and only read from then on. The same inputs build nothing again.
  - Two builds at once wait for each other, and an interrupted build is never taken for a whole one.
author:
  - the stsm.live_migration authors (@stsm)
requirements:
  - mmdebstrap
attributes:
  check_mode:
    support: full
    description: Says whether an image would be built.
  diff_mode:
    support: none
    description: Shows the changes.
    details: An image is built whole or not at all.
options:
  bootable:
    description:
      - Whether to make a disk that boots by itself, with kernel and boot loader, for virtual machines.
      - Otherwise the image is a folder for containers.
    type: bool
    default: false
  cache_folder:
    description: Folder of all images, one folder in it for each digest.
    type: path
    required: true
  extra_suites:
    description: Further suites of the same archive that hosts may install packages from.
    type: list
    elements: str
    default: []
  kernel_arguments:
    description: Further arguments of the kernel's command line, if O(bootable=true).
    type: list
    elements: str
    default: []
  packages:
    description: Packages to bake in besides those that make the file system a host which Ansible can reach.
    type: list
    elements: str
    default: []
  pins:
    description: Source packages whose binary packages come from another suite of the same archive than O(suite).
    type: list
    elements: dict
    default: []
    suboptions:
      sources:
        description: Names of the source packages.
        type: list
        elements: str
        required: true
      suite:
        description: Suite that they come from.
        type: str
        required: true
  suite:
    description: Debian release to build.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Build a bare Debian 13
  stsm.live_migration.host_image:
    cache_folder: /var/cache/stsm-live-migration/images
    suite: trixie
    extra_suites: [trixie-backports]
  become: true

- name: Build a Debian 13 that boots, with the QEMU of its backports
  stsm.live_migration.host_image:
    cache_folder: /var/cache/stsm-live-migration/images
    suite: trixie
    bootable: true
    packages: [qemu-system-x86]
    pins:
      - suite: trixie-backports
        sources: [qemu, seabios, ipxe]
  become: true
"""

RETURN = r"""
digest:
  description: Name of the image, made from its inputs.
  returned: success
  type: str
  sample: 3f2a9c51d07e
disk:
  description: Disk image that boots, sparse and read-only. Hosts' disks stand on it.
  returned: success and O(bootable=true)
  type: str
  sample: /var/cache/stsm-live-migration/images/3f2a9c51d07e/disk.raw
kernel:
  description: The disk's kernel, to boot without it.
  returned: success and O(bootable=true)
  type: str
  sample: /var/cache/stsm-live-migration/images/3f2a9c51d07e/vmlinuz
root:
  description: Folder with the root file system.
  returned: success and O(bootable=false)
  type: str
  sample: /var/cache/stsm-live-migration/images/3f2a9c51d07e/root
packages:
  description: Version of each package in the image, empty in check mode if it would be built.
  returned: success
  type: dict
  sample: {"systemd": "257.8-1~deb13u2"}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _image
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._recipe import Pin, Recipe


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "bootable": {"type": "bool", "default": False},
            "cache_folder": {"type": "path", "required": True},
            "extra_suites": {"type": "list", "elements": "str", "default": []},
            "kernel_arguments": {"type": "list", "elements": "str", "default": []},
            "packages": {"type": "list", "elements": "str", "default": []},
            "pins": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "sources": {"type": "list", "elements": "str", "required": True},
                    "suite": {"type": "str", "required": True},
                },
            },
            "suite": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    cache_folder = Path(module.params["cache_folder"])
    recipe = Recipe(
        suite=module.params["suite"],
        extra_suites=tuple(module.params["extra_suites"]),
        packages=tuple(module.params["packages"]),
        pins=tuple(Pin(pin["suite"], tuple(pin["sources"])) for pin in module.params["pins"]),
        bootable=module.params["bootable"],
        kernel_arguments=tuple(module.params["kernel_arguments"]),
    )
    try:
        image = _image.find(cache_folder, recipe)
        changed = image is None
        if image is None and not module.check_mode:
            image = _image.build(cache_folder, recipe)
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    folder = cache_folder / recipe.digest()
    names = {"disk": _image.DISK, "kernel": _image.KERNEL} if recipe.bootable else {"root": _image.ROOT}
    module.exit_json(
        changed=changed,
        digest=recipe.digest(),
        packages=image.packages if image is not None else {},
        **{result: str(folder / name) for result, name in names.items()},
    )


if __name__ == "__main__":
    main()
