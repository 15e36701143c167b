# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a host's nova-compute do what a scenario asks?  It is told when it starts, not with each migration."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

# The values of options that are not set, in all releases that have them.
DEFAULTS: dict[str, Any] = {
    "live_migration_permit_post_copy": False,
    "live_migration_permit_auto_converge": False,
    "live_migration_tunnelled": False,
    "live_migration_with_native_tls": False,
    "live_migration_bandwidth": 0,
    "live_migration_downtime": 500,
    "live_migration_completion_timeout": 800,
    "live_migration_timeout_action": "abort",
    "virt_type": "kvm",
    "DEFAULT.max_concurrent_live_migrations": 1,
}
# Of the role nova, by option.
_INPUTS = {
    "live_migration_permit_post_copy": "nova_post_copy",
    "live_migration_permit_auto_converge": "nova_auto_converge",
    "live_migration_tunnelled": "nova_tunnelled",
    "live_migration_with_native_tls": "nova_native_tls",
    "live_migration_bandwidth": "nova_bandwidth_mib_per_second",
    "live_migration_downtime": "nova_downtime_ms",
    "virt_type": "openstack_compute_virt_type",
}
_TRUE = ("true", "1", "yes", "on", "t", "y")
# What Nova's time-out is multiplied by: the GiB of the memory and of a copied disk, each taken for two at least.
_LEAST_GIB = 2


def unfit(scenario: Scenario, host: str, given: Mapping[str, str]) -> list[str]:
    """One sentence for each option of the nova-compute on *host* that is not what the scenario asks; none if all are.

    *given* are the options that its files set, as they stand there.
    """
    options = {name: _value(given[name], default) if name in given else default for name, default in DEFAULTS.items()}
    choice = scenario.strategy
    wanted: dict[str, Any] = {
        **{name: False for name in ("live_migration_tunnelled", "live_migration_with_native_tls")},
        **choice.row.nova_options,
        "live_migration_bandwidth": choice.bandwidth_limit_mib_per_second or 0,
    }
    if not choice.row.uses_postcopy:
        # With post-copy nothing ends by the limit.
        wanted["live_migration_downtime"] = choice.downtime_limit_ms
    if isinstance(scenario.guest, Guest):
        wanted["virt_type"] = "kvm" if scenario.guest.accelerator == "kvm" else "qemu"
    found = [
        f"nova-compute on {host} has {name} {_told(options[name])}, but the scenario needs {_told(value)}: set"
        f" {_INPUTS[name]} there and deploy, or ask for what it has."
        for name, value in wanted.items()
        if options[name] != value
    ]
    return found + _switches_early(scenario, host, options) + _lets_wait(scenario, host, options)


def _switches_early(scenario: Scenario, host: str, options: Mapping[str, Any]) -> list[str]:
    """Whether Nova's own time-out would make another strategy of a pre-copy."""
    seconds = options["live_migration_completion_timeout"] * _LEAST_GIB
    acts = options["live_migration_timeout_action"] == "force_complete" and seconds
    if scenario.strategy.row.uses_postcopy or not acts or seconds >= scenario.time_limit_seconds:
        return []
    return [
        f"nova-compute on {host} would complete a {scenario.strategy.name} migration by force after {seconds} s, before"
        f" its time limit of {scenario.time_limit_seconds:g} s: raise nova_completion_timeout_seconds there, or lower"
        " time_limit_seconds."
    ]


def _lets_wait(scenario: Scenario, host: str, options: Mapping[str, Any]) -> list[str]:
    """Whether Nova would keep guests in a queue of its own; 0 is no limit."""
    limit = options["DEFAULT.max_concurrent_live_migrations"]
    if not limit or scenario.streams <= limit:
        return []
    return [
        f"nova-compute on {host} moves {limit} guests at a time (max_concurrent_live_migrations), but the scenario asks"
        f" for {scenario.streams}: raise nova_concurrent_migrations there and deploy, or set migrations_at_once."
    ]


def _value(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return text.strip().lower() in _TRUE
    return int(text) if isinstance(default, int) else text.strip()


def _told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
