# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which strategy to move a guest: what each is expected to take, and the one that keeps the limits at least cost."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._dirtying import Observed
from ansible_collections.stsm.live_migration.plugins.module_utils._draws import Range
from ansible_collections.stsm.live_migration.plugins.module_utils._models import (
    Prediction,
    predict,
    stream_mib_per_second,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._outlook import (
    Outlook,
    drawn_busy_share,
    drawn_link,
    outlook,
    outlook_of,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario, Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# The strategies that the models reach.
MODELLED = ("pre-copy", "hybrid", "post-copy", "stop-and-copy", "auto-converge")
# What an operator may call sure.
SURE = 0.95


@dataclass(frozen=True)
class Option:
    """One strategy for one guest: its scenario, what is expected of it, and why it cannot be had, if it cannot."""

    scenario: Scenario
    outlook: Outlook
    obstacle: str = ""

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.scenario.strategy.name

    @property
    def uses_postcopy(self) -> bool:
        """Whether the guest would depend on both hosts for a while."""
        return STRATEGIES[self.name].uses_postcopy

    @property
    def is_sure(self) -> bool:
        """Whether it is there and all but certain to move the guest."""
        return not self.obstacle and self.outlook.probability >= SURE


@dataclass(frozen=True)
class Advice:
    """The strategy to take, None if none is sure to move the guest, and why in one sentence."""

    chosen: Option | None
    sentence: str


def expected_of(scenario: Scenario, observed: Observed) -> Outlook:
    """Return what is expected of a strategy, from what was measured of a running guest."""

    def drawn(chance: random.Random) -> Prediction | None:
        link, dirtying = drawn_link(scenario.link, chance), observed.drawn(chance)
        workload = Workload(
            working_set_mib=max(1, round(dirtying.working_set_mib)),
            dirty_rate_mib_per_second=dirtying.dirty_rate_mib_per_second,
            pattern=dirtying.pattern,
        )
        asked = replace(scenario, link=link, workload=workload)
        return predict(asked, observed.touched_mib, drawn_busy_share(chance))

    return outlook_of(drawn)


def options(scenarios: Sequence[Scenario], expected: Callable[[Scenario], Outlook | None]) -> list[Option]:
    """Return the strategies that the models reach, each with what is expected of it."""
    found = ((scenario, expected(scenario)) for scenario in scenarios if scenario.strategy.name in MODELLED)
    return [Option(scenario, told) for scenario, told in found if told is not None]


def asked(scenarios: Sequence[Scenario]) -> list[Option]:
    """Return the same for guests of which a scenario says what they do."""
    return options(scenarios, outlook)


def advise(found: Sequence[Option], permits_post_copy: bool = True) -> Advice:
    """Return what to do: pre-copy if it is sure to end, since it costs the guest least and can be given up.

    Else what keeps the guest running (hybrid, post-copy), then what slows it (auto-converge), then what stops it.
    """
    by_name: Mapping[str, Option] = {one.name: one for one in found}
    order = ["pre-copy", *(("hybrid", "post-copy") if permits_post_copy else ()), "auto-converge", "stop-and-copy"]
    chosen = next((by_name[name] for name in order if name in by_name and by_name[name].is_sure), None)
    passed_over = [by_name[name] for name in order[: order.index(chosen.name) if chosen else None] if name in by_name]
    if not permits_post_copy:
        passed_over += [one for one in found if one.uses_postcopy and one not in passed_over]
    reasons = [_why_not(one, permits_post_copy) for one in passed_over]
    if chosen is None:
        return Advice(None, f"No strategy is sure to move this guest: {'; '.join(reasons)}.")
    words = f"Move it by {chosen.name}: {_cost(chosen)}"
    return Advice(chosen, f"{words}; {'; '.join(reasons)}." if reasons else f"{words}.")


def _why_not(option: Option, permits_post_copy: bool) -> str:
    """Return in words why a strategy was passed over."""
    if option.obstacle:
        return f"{option.name} cannot be had here ({option.obstacle.rstrip('.')})"
    if option.uses_postcopy and not permits_post_copy:
        return f"{option.name} is not permitted"
    scenario = option.scenario
    words = f"{option.name} ends within {number(scenario.time_limit_seconds)} s with a probability of"
    return (
        f"{words} {option.outlook.probability:.0%} only, on a stream of {number(stream_mib_per_second(scenario))} MiB/s"
    )


def _cost(option: Option) -> str:
    """Return in words what a strategy is expected to take."""
    told, parts = option.outlook, []
    if told.total_ms and told.downtime_ms and told.brownout_ms:
        parts.append(f"it is expected to take {range_in_words(told.total_ms, 1e-3)} s")
        parts.append(f"to stop the guest for {range_in_words(told.downtime_ms)} ms")
        parts.append(f"and to slow it down for {range_in_words(told.brownout_ms)} ms after that")
    return ", ".join(parts)


def range_in_words(found: Range, scale: float = 1.0) -> str:
    """Return a range as a sentence has it: its median, and between what nine of ten runs lie."""
    centre, low, high = (number(value * scale) for value in (found.centre, found.low, found.high))
    return centre if low == high else f"{centre} ({low} to {high})"
