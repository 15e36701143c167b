# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role nova asks about Nova's options."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._nova import _options, _refusals


def nova_options(asked: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What is asked, as options of that release; which change without a restart, and what the release cannot do."""
    found: dict[str, Any] = {"options": {}, "mutable": _options.mutable(version), "refusal": ""}
    try:
        found["options"] = _options.options(version, asked)
    except InstrumentError as error:
        found["refusal"] = str(error)
    return found


def nova_refusals(effective: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing that cannot go together."""
    try:
        return _refusals.refusals(effective, hosts)
    except KeyError as error:
        raise AnsibleFilterError(
            f"a host of nova_refusals has no {error}: give name, tunnelled_post_copy and post_copy_reason"
        ) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"nova_options": nova_options, "nova_refusals": nova_refusals}
