#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: libvirt_daemon
short_description: Have libvirt's daemon answer, with or without systemd
version_added: 0.1.0
description:
  - A daemon that answers is used as it is. Otherwise it is started - by its unit where systemd is the machine's first
    process, elsewhere as a program in a cgroup of its own.
  - With O(state=absent) a daemon that this module started without systemd is stopped, as soon as no domain, network
    or storage pool of anybody is active.
author:
  - the stsm.live_migration authors (@stsm)
extends_documentation_fragment:
  - stsm.live_migration._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: There is nothing to compare in a program that runs or does not.
  idempotent:
    support: full
options:
  state:
    description: Whether the daemon is needed.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
---
- name: Start libvirt where it does not run
  stsm.live_migration.libvirt_daemon:
  become: true
"""

RETURN = r"""
answers:
  description: Whether a daemon answers now.
  returned: success
  type: bool
installed:
  description: Whether there is a daemon that could be started.
  returned: success
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _libvirt_daemon


def main() -> None:
    module = AnsibleModule(
        argument_spec={"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}},
        supports_check_mode=True,
    )
    wanted = module.params["state"] == "present"
    changed = not _libvirt_daemon.answers() if wanted else _libvirt_daemon.is_idle_and_ours()
    try:
        if changed and not module.check_mode:
            if os.geteuid() != 0:
                raise MachineError("libvirt's daemon is started and stopped as root: set become")
            if wanted:
                _libvirt_daemon.start()
            else:
                _libvirt_daemon.stop()
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(changed=changed, answers=_libvirt_daemon.answers(), installed=_libvirt_daemon.is_installed())


if __name__ == "__main__":
    main()
