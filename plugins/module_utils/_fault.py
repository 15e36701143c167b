# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault that a scenario asks for: what goes wrong, at which moment of the migration, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import StrategyChoice

LINK_CUT, SOURCE_KILLED, DESTINATION_KILLED = KINDS = ("link-cut", "source-killed", "destination-killed")
MOMENTS = ("pre-copy", "post-copy", "recovery")
LONGEST_CUT_SECONDS = 120

_KEYS = ("kind", "at", "seconds")


@dataclass(frozen=True)
class Fault:
    """seconds is how long the link is cut, None for a QEMU that is killed.

    A fault at "recovery" strikes after the switch, so that there is something to recover, and once more when that has
    begun.
    """

    kind: str
    at: str
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fault as read_fault takes it."""
        return {key: value for key, value in vars(self).items() if value is not None}


def read_fault(given: Any, strategy: StrategyChoice) -> Fault:
    """Return the fault that a mapping asks for; raises ScenarioError for one that could not strike this strategy."""
    section = Section("fault", given, _KEYS)
    kind, at = section.choice("kind", KINDS), section.choice("at", MOMENTS)
    if at != "pre-copy" and not strategy.row.uses_postcopy:
        raise ScenarioError(f"fault.at is '{at}', but {strategy.name} has no post-copy: set it to pre-copy.")
    if at == "pre-copy" and strategy.row.switch == "at-once":
        raise ScenarioError(f"fault.at is 'pre-copy', but {strategy.name} has none: set it to post-copy.")
    if at == "recovery" and not strategy.recovers:
        raise ScenarioError("fault.at is 'recovery', but nothing is recovered: set strategy.recovers to true.")
    if kind == LINK_CUT:
        return Fault(kind, at, section.number("seconds", above=0, at_most=LONGEST_CUT_SECONDS))
    section.refuse_any(["seconds"], f"{section.at('kind')} is '{kind}'", "leave it out")
    if at == "recovery":
        raise ScenarioError(f"fault.at is 'recovery', but what is {kind} cannot be recovered: set it to post-copy.")
    return Fault(kind, at)
