# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the hosts the storage that a scenario's guests ask for: shared or not, and large enough?

Whether two hosts share a folder is tried: what one writes there, the other one finds.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._instance import INSTANCES
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario


def obstacles(scenario: Scenario, connections: Sequence[HostConnection]) -> list[str]:
    """What is wrong with the storage for the guest that a scenario asks for; none if nothing is."""
    disk = scenario.guest.disk if isinstance(scenario.guest, Guest) else None
    if disk is None:
        return []
    through_nova = scenario.driver == "nova"
    # Nova does not copy what its hosts share; elsewhere a local disk is never in the shared folder.
    if disk.storage == "local" and not through_nova:
        return []
    folders = [INSTANCES if through_nova else connection.host.shared_folder for connection in connections]
    is_shared = _is_shared(connections, folders)
    if is_shared == (disk.storage == "shared"):
        return _lack_of_room(disk.whole_gib * scenario.guests, connections) if through_nova else []
    names = " and ".join(connection.host.name for connection in connections)
    if is_shared:
        return [f"{names} share {folders[0]}, so that Nova copies no disk: set guest.storage to shared."]
    return [
        f"{names} do not share {' and '.join(sorted(set(folders)))}, where guest.storage 'shared' keeps disks: deploy"
        " with deploy_shared_storage, or set guest.storage to local."
    ]


def _lack_of_room(wanted_gib: int, connections: Sequence[HostConnection]) -> list[str]:
    """Nova counts a disk by its size, whatever is written to it, at both ends."""
    found = []
    for connection in connections:
        free_gib = connection.call("free_mib", folder=INSTANCES) / 1024
        if free_gib < wanted_gib:
            found.append(
                f"{connection.host.name} has {free_gib:.0f} GiB free in {INSTANCES}, and the guests' disks have"
                f" {wanted_gib} GiB: make room, or lower guest.disk_gib."
            )
    return found


def _is_shared(connections: Sequence[HostConnection], folders: Sequence[str]) -> bool:
    if len(set(folders)) > 1:
        return False
    (folder, *_same) = folders
    one, other = connections
    mark = one.call("leave_mark", folder=folder)
    if mark is None:
        return False
    try:
        return bool(other.call("has_mark", folder=folder, mark=mark))
    finally:
        one.call("remove_mark", folder=folder, mark=mark)
