# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload guest as images of a cloud: its kernel, its initrd and an empty disk that names both."""

from __future__ import annotations

import base64

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._cloud import Cloud

_KERNEL = ("vmlinux", "aki", "kernel")
_INITRD = ("initrd.img", "ari", "initrd")
_EMPTY_DISK = bytes(1 << 20)
_PART_SECONDS = 60.0


def image_of(
    cloud: Cloud, guest: Guest, kernel_arguments: str, digest: str, build: str, connection: HostConnection
) -> str:
    """The id of the image that boots *guest*; what is missing is uploaded from what a host has of the workload.

    *digest* tells images of different guests apart, *build* is the workload's own.
    """
    name = f"stsm-guest-{digest[:12]}"
    found = cloud.image_id(name)
    if found is not None:
        return found
    kernel, initrd = (_file_image(cloud, *part, build, connection) for part in (_KERNEL, _INITRD))
    return cloud.upload(
        name,
        "raw",
        "bare",
        _EMPTY_DISK,
        kernel_id=kernel,
        ramdisk_id=initrd,
        hw_machine_type=guest.machine,
        os_command_line=kernel_arguments,
    )


def _file_image(cloud: Cloud, file: str, kind: str, what: str, build: str, connection: HostConnection) -> str:
    name = f"stsm-{what}-{build[:12]}"
    return cloud.image_id(name) or cloud.upload(name, kind, kind, _content(file, connection))


def _content(file: str, connection: HostConnection) -> bytes:
    content = b""
    while part := connection.call("workload_part", _PART_SECONDS, file=file, offset=len(content)):
        content += base64.b64decode(part)
    return content
