#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: package_build
short_description: Build Debian packages of a kernel, QEMU or libvirt from source
version_added: 0.1.0
description:
  - Builds one component on the host that it runs on, for hosts of the same release and architecture.
  - A build is kept under a digest of all its inputs. These are the sums of the source and of all patches in their
    order, the options, the compiler and the recipe's version. The same inputs build nothing again, and any other input
    builds anew, with compilers' results out of a cache.
  - Two builds of a component at once wait for each other, and an interrupted build is never taken for a whole one.
  - While it builds, the controller shows a line about it at least every 15 seconds.
author:
  - the stsm.live_migration authors (@stsm)
extends_documentation_fragment:
  - stsm.live_migration._attributes
attributes:
  check_mode:
    support: full
    details: Says whether something would be built. The source index of the distribution is read all the same.
  diff_mode:
    support: none
    details: A component is built whole or not at all.
  idempotent:
    support: full
options:
  component:
    description: What is built.
    type: str
    choices: [kernel, libvirt, qemu]
    required: true
  folder:
    description: Folder of all builds, with one folder for each component and digest, and of the compilers' cache.
    type: path
    default: /var/cache/stsm-live-migration/builds
  further_sources:
    description:
      - Sources that the component needs besides, each with what O(source) has. Patches are not of these.
      - libvirt needs one with the name V(python), libvirt-python in the release of the same number or a later one.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the component knows it by.
        type: str
        required: true
      commit:
        description: The commit, all 40 digits, with O(further_sources[].provider=git).
        type: str
        default: ""
      frozen:
        description: Whether the suite is a snapshot, whose index may be older than its own date of expiry.
        type: bool
        default: false
      package:
        description:
          - Name of the source package, with O(further_sources[].provider=distro).
          - A package that holds a source, such as C(linux-source-6.12), will do as well. It is taken from the release
            that the builder runs, whatever O(further_sources[].suite) is.
        type: str
        default: ""
      path:
        description: The archive on the builder, with O(further_sources[].provider=archive).
        type: path
        default: ""
      provider:
        description:
          - V(distro) is a source package of the distribution, which is fetched from where the builder's own packages
            come and checked by the signed index.
          - V(archive) is a tar file.
          - V(git) is a commit of a repository.
        type: str
        choices: [distro, archive, git]
        default: distro
      repository:
        description: The repository, as C(git fetch) takes it, with O(further_sources[].provider=git).
        type: str
        default: ""
      sha256:
        description: The archive's SHA-256 sum, with O(further_sources[].provider=archive).
        type: str
        default: ""
      submodules:
        description:
          - Paths of the commit's submodules that belong to the source, with O(further_sources[].provider=git).
          - A commit that has submodules is refused unless this is set, be it to an empty list.
        type: list
        elements: str
      suite:
        description: The suite that has the source package, with O(further_sources[].provider=distro).
        type: str
        default: ""
      version:
        description:
          - Version of the source. It names the packages.
          - With O(further_sources[].provider=distro) the newest of the suite is taken if it is empty.
        type: str
        default: ""
  options:
    description: What the component is built with; the role of its name says what there is.
    type: dict
    default: {}
  patches:
    description: Patches in the order in which they are applied, with C(patch -p1).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the patch, for messages and records.
        type: str
        required: true
      text:
        description: The patch itself.
        type: str
        required: true
  source:
    description: Where the source comes from.
    type: dict
    required: true
    suboptions:
      commit:
        description: The commit, all 40 digits, with O(source.provider=git).
        type: str
        default: ""
      frozen:
        description: Whether the suite is a snapshot, whose index may be older than its own date of expiry.
        type: bool
        default: false
      package:
        description:
          - Name of the source package, with O(source.provider=distro).
          - A package that holds a source, such as C(linux-source-6.12), will do as well. It is taken from the release
            that the builder runs, whatever O(source.suite) is.
        type: str
        default: ""
      path:
        description: The archive on the builder, with O(source.provider=archive).
        type: path
        default: ""
      provider:
        description:
          - V(distro) is a source package of the distribution, which is fetched from where the builder's own packages
            come and checked by the signed index.
          - V(archive) is a tar file.
          - V(git) is a commit of a repository.
        type: str
        choices: [distro, archive, git]
        default: distro
      repository:
        description:
          - The repository, as C(git fetch) takes it, with O(source.provider=git).
          - Credentials in its address are not shown in what the module returns, and not kept with the build.
        type: str
        default: ""
      sha256:
        description: The archive's SHA-256 sum, with O(source.provider=archive).
        type: str
        default: ""
      submodules:
        description:
          - Paths of the commit's submodules that belong to the source, with O(source.provider=git).
          - A commit that has submodules is refused unless this is set, be it to an empty list.
        type: list
        elements: str
      suite:
        description: The suite that has the source package, with O(source.provider=distro).
        type: str
        default: ""
      version:
        description:
          - Version of the source. It names the packages.
          - With O(source.provider=distro) the newest of the suite is taken if it is empty.
        type: str
        default: ""
"""

EXAMPLES = r"""
---
- name: Build the QEMU of Debian 13's backports
  stsm.live_migration.package_build:
    component: qemu
    source:
      provider: distro
      package: qemu
      suite: trixie-backports
    options:
      features: {kvm: true, tcg: true, vnc: true, gnutls: true}
  become: true
"""

RETURN = r"""
component:
  description: What was built.
  returned: success
  type: str
  sample: qemu
cpu_seconds:
  description: Processor time that the build took, when it was made.
  returned: when it is built
  type: float
  sample: 912.4
digest:
  description: Name of the build, made from its inputs.
  returned: success
  type: str
  sample: 3f2a9c51d07e
inputs:
  description: All that the digest is made of.
  returned: success
  type: dict
  sample: {"component": "qemu", "engine_version": 1}
log_tail:
  description: The end of what the failed step printed.
  returned: when a step fails
  type: str
  sample: "ninja: build stopped: subcommand failed."
packages:
  description:
    - The packages, each with its name, version, file and SHA-256 sum.
    - Empty in check mode if they would be built.
  returned: success
  type: list
  elements: dict
  sample:
    - name: stsm-qemu-11.1.3-3f2a9c51
      version: 1:11.1.3+ds-1~bpo13+1+stsm.3f2a9c51
      file: /var/cache/stsm-live-migration/builds/qemu/3f2a9c51d07e/packages/stsm-qemu-11.1.3-3f2a9c51_11.1.3_amd64.deb
      sha256: 0d5f...
version:
  description: Version of the source.
  returned: success
  type: str
  sample: 1:11.1.3+ds-1~bpo13+1
wall_seconds:
  description: How long the build took, when it was made.
  returned: when it is built
  type: float
  sample: 480.2
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _build, _places
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._git_source import credentials_of
from ansible_collections.stsm.live_migration.plugins.module_utils._building._patches import Patch
from ansible_collections.stsm.live_migration.plugins.module_utils._building._recipes import RECIPES
from ansible_collections.stsm.live_migration.plugins.module_utils._building._source import make_source
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError


def _source_options() -> dict[str, Any]:
    """The options that describe a source."""
    text = {"type": "str", "default": ""}
    return {
        "commit": text,
        "frozen": {"type": "bool", "default": False},
        "package": text,
        "path": {"type": "path", "default": ""},
        "provider": {"type": "str", "choices": ["distro", "archive", "git"], "default": "distro"},
        "repository": text,
        "sha256": text,
        "submodules": {"type": "list", "elements": "str"},
        "suite": text,
        "version": text,
    }


def main() -> None:
    """Run the module."""
    source = _source_options()
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "choices": sorted(RECIPES), "required": True},
            "folder": {"type": "path", "default": _places.DEFAULT_FOLDER},
            "further_sources": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, **source},
            },
            "options": {"type": "dict", "default": {}},
            "patches": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "text": {"type": "str", "required": True},
                },
            },
            "source": {
                "type": "dict",
                "required": True,
                "options": source,
            },
        },
        supports_check_mode=True,
    )
    # What is packed is for everybody to read, whatever the umask of the builder's root.
    os.umask(0o022)
    module.no_log_values.update(credentials_of(module.params["source"]["repository"]))
    folder = Path(module.params["folder"])
    component = module.params["component"]
    try:
        order = _build.Order(
            component=component,
            recipe=RECIPES[component](module.params["options"]),
            source=make_source(module.params["source"], _places.index_folder(folder)),
            patches=tuple(Patch(patch["name"], patch["text"]) for patch in module.params["patches"]),
            folder=folder,
            further={
                one["name"]: make_source(one, _places.index_folder(folder)) for one in module.params["further_sources"]
            },
        )
        manifest = _build.find(order)
        changed = manifest is None
        if manifest is None and not module.check_mode:
            manifest = _build.build(order)
    except BuildError as error:
        module.fail_json(msg=f"{error}.", **({"log_tail": error.log} if error.log else {}))
    except MachineError as error:
        module.fail_json(msg=f"{error}.")
    if manifest is None:
        inputs = order.inputs()
        manifest = {
            "component": component,
            "digest": _build.digest_of(inputs),
            "inputs": inputs,
            "packages": [],
            "version": order.source.version,
        }
    module.exit_json(changed=changed, **manifest)


if __name__ == "__main__":
    main()
