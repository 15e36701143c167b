# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario chooses of a strategy: its row, its limits, when it switches to post-copy, its features' numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import (
    NUMBERED_SWITCHES,
    STRATEGIES,
    SWITCHES,
    Strategy,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import FEATURES

OPTION_KEYS = tuple(dict.fromkeys(option.key for feature in FEATURES.values() for option in feature.options))
STRATEGY_KEYS = ("name", "bandwidth_limit_mib_per_second", "downtime_limit_ms", "switch", "recovers", *OPTION_KEYS)
_SWITCH_KEYS = ("kind", "number")
_SWITCH_KINDS = (*(kind for kind in SWITCHES if kind != "never"), *NUMBERED_SWITCHES)


@dataclass(frozen=True)
class Switch:
    """When a migration switches to post-copy: a kind and, where that is a site's choice, its number.

    after-passes and after-seconds count from the first byte of memory; at-stall says for how many seconds the memory
    that is left has reached no new low.
    """

    kind: str
    number: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the switch as a scenario has it."""
        return {"kind": self.kind} if self.number is None else {"kind": self.kind, "number": self.number}


@dataclass(frozen=True)
class StrategyChoice:
    """The name of a row of STRATEGIES, the limits it runs under and what of it is chosen.

    chosen_switch is None for the row's own. recovers says that a post-copy whose stream breaks is resumed. options are
    those of the row's features that are set, by key.
    """

    name: str
    bandwidth_limit_mib_per_second: int | None = None
    downtime_limit_ms: int = 300
    chosen_switch: Switch | None = None
    recovers: bool = False
    options: Mapping[str, int] = field(default_factory=dict)

    @property
    def row(self) -> Strategy:
        """The row of the table."""
        return STRATEGIES[self.name]

    @property
    def switch(self) -> Switch:
        """When it switches: as chosen, or as the row has it."""
        return self.chosen_switch or Switch(self.row.switch)

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as read_choice takes it.

        What is not chosen is left out, so that scenarios from before there was a choice keep their hash.
        """
        return {
            "name": self.name,
            "bandwidth_limit_mib_per_second": self.bandwidth_limit_mib_per_second,
            "downtime_limit_ms": self.downtime_limit_ms,
            **({"switch": self.chosen_switch.to_dict()} if self.chosen_switch else {}),
            # Where nothing can break after a switch it makes no difference, and so no other scenario.
            **({"recovers": True} if self.recovers and self.row.uses_postcopy else {}),
            **self.options,
        }


def read_choice(given: Any) -> StrategyChoice:
    """Return what a mapping chooses; raises ScenarioError for the first thing wrong with it."""
    section = Section("strategy", given, STRATEGY_KEYS)
    limit = "bandwidth_limit_mib_per_second"
    row = STRATEGIES[section.choice("name", tuple(STRATEGIES))]
    _refuse_what_it_has_not(section, row)
    return StrategyChoice(
        name=row.name,
        bandwidth_limit_mib_per_second=section.whole(limit) if section.has(limit) else None,
        downtime_limit_ms=section.whole("downtime_limit_ms", StrategyChoice.downtime_limit_ms, at_most=2_000_000),
        chosen_switch=_read_switch(section.get("switch")) if section.has("switch") else None,
        recovers=section.flag("recovers", StrategyChoice.recovers),
        options=_read_options(section, row),
    )


def _refuse_what_it_has_not(section: Section, row: Strategy) -> None:
    """Raise for a choice that the strategy does not offer."""
    known = {option.key for option in row.options}
    for key in OPTION_KEYS:
        having = ", ".join(strategy.name for strategy in STRATEGIES.values() if key in _keys(strategy))
        if key not in known:
            section.refuse_any([key], f"{row.name} has no such choice", f"leave it out or choose one of {having}")
    if not row.uses_postcopy:
        section.refuse_any(["switch"], f"{row.name} has no post-copy", "leave it out or choose hybrid")
    if row.switch == "at-once":
        section.refuse_any(["switch"], f"{row.name} switches at once", "leave it out or choose hybrid")


def _keys(strategy: Strategy) -> list[str]:
    return [option.key for option in strategy.options]


def _read_switch(given: Any) -> Switch:
    section = Section("strategy.switch", given, _SWITCH_KEYS)
    kind = section.choice("kind", _SWITCH_KINDS)
    if kind in SWITCHES:
        section.refuse_any(["number"], f"{section.at('kind')} is '{kind}'", "leave it out or choose another kind")
        return Switch(kind)
    if kind == "after-passes":
        return Switch(kind, section.whole("number"))
    return Switch(kind, section.number("number", above=0))


def _read_options(section: Section, row: Strategy) -> dict[str, int]:
    """Return the numbers of a strategy's features: those given, and defaults for those that are always set."""
    chosen = {}
    for option in row.options:
        if option.default is None and not section.has(option.key):
            continue
        number = section.whole(option.key, option.default, at_least=option.at_least, at_most=option.at_most)
        if option.is_power_of_two and number & (number - 1):
            raise section.refuse(option.key, "a power of two")
        chosen[option.key] = number
    return chosen
