# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module's options ask of a pair of hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import Asked
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import ANY_ACCELERATOR, Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario


def read_asked(options: Mapping[str, Any]) -> Asked:
    """Read the options; raises ScenarioError for a guest that no scenario may have."""
    link, guest = options["link"], options["guest"]
    chooses = bool(guest) and guest.get("accelerator") == ANY_ACCELERATOR
    if chooses and not options["boot_limit_seconds"]:
        raise ScenarioError(
            f"guest.accelerator is '{ANY_ACCELERATOR}', which only a boot can answer, but boot_limit_seconds is 0: "
            "allow a boot, or set the accelerator."
        )
    return Asked(
        link_rate_mbit_per_second=link["rate_mbit_per_second"],
        link_mtu=link["mtu"],
        measures_link=link["measure"],
        guest=_read_guest({**guest, "accelerator": "kvm"} if chooses else guest, options["guests"]),
        chooses_accelerator=chooses,
        guests=options["guests"],
        strategies=tuple(options["strategies"]),
        drivers=tuple(options["drivers"]),
        results=Path(options["results"]) if options["results"] else None,
        boot_limit_seconds=options["boot_limit_seconds"] or None,
    )


def _read_guest(given: Mapping[str, Any] | None, guests: int) -> Guest | None:
    """The workload guest that is asked for; None for none, and for a site's own, which is what it is."""
    if given is None:
        return None
    scenario = {"guest": given, "guests": guests, "link": {"rate_mbit_per_second": 1}, "strategy": {"name": "pre-copy"}}
    if "domain" not in given:
        scenario["workload"] = {"pattern": "idle", "working_set_mib": 1}
    guest = Scenario.from_dict(scenario).guest
    return guest if isinstance(guest, Guest) else None
