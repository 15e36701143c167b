# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot go together, looked at in the options as they will be in force: those asked for and those found."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def refusals(effective: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing that would make live migrations fail; none if they can work.

    *effective* are the values of Nova's options by name. *hosts* are all compute hosts with `name`,
    `tunnelled_post_copy` (whether its libvirt can do both at once) and `post_copy_reason` (why its QEMU cannot do
    post-copy; empty if it can).
    """
    post_copy = bool(effective.get("live_migration_permit_post_copy"))
    tunnelled = bool(effective.get("live_migration_tunnelled"))
    sentences = []
    if tunnelled and effective.get("live_migration_with_native_tls"):
        sentences.append(
            "Nova would have both live_migration_tunnelled and live_migration_with_native_tls, and its service "
            "does not start with them: set nova_tunnelled or nova_native_tls to false."
        )
    without = [host["name"] for host in hosts if not host["tunnelled_post_copy"]]
    if tunnelled and post_copy and without:
        sentences.append(
            "Nova would have both live_migration_tunnelled and live_migration_permit_post_copy, and libvirt on "
            f"{', '.join(without)} refuses every such migration: set nova_tunnelled or nova_post_copy to false, or "
            "install a libvirt that has tunnelled_postcopy among its migration features."
        )
    if post_copy:
        sentences += [
            f"Nova would permit post-copy, but QEMU on {host['name']} cannot do it ({host['post_copy_reason']}), so "
            "that every live migration to it would fail: let the role qemu give its user the permission, or set "
            "nova_post_copy to false."
            for host in hosts
            if host["post_copy_reason"]
        ]
    if post_copy and effective.get("live_migration_permit_auto_converge"):
        sentences.append(
            "Nova would permit both post-copy and auto-converge, and then never uses auto-converge: set "
            "nova_auto_converge or nova_post_copy to false."
        )
    return sentences
