# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sure a prediction is: the models asked again and again, with rates as uncertain as they are at a site.

A model gives one time and says that a migration ends, or not. Near the edge the truth is a probability, since neither
the link's payload nor the guest's dirty rate is what was asked for to the last per cent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Callable

from ansible_collections.stsm.live_migration.plugins.module_utils._draws import DRAWS, SEED, Range, range_of
from ansible_collections.stsm.live_migration.plugins.module_utils._models import (
    Prediction,
    payload_mbit_per_second,
    predict,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import DIRTY_RATE_SHARE, Link, Scenario

# Standard deviations as shares: of the payload rate between two measurements, of the dirty rate (which a validator
# holds within twice that), and of what a migration takes beside its bytes from one run to the next.
PAYLOAD_DEVIATION = 0.02
DIRTY_RATE_DEVIATION = DIRTY_RATE_SHARE / 2
TIME_DEVIATION = 0.05
# The same from one machine to another: of the times before and after the stream, and of what a guest takes to run on.
# The models' constants are those of one machine.
OVERHEAD_DEVIATION, RESUME_DEVIATION = 0.5, 0.5
# For what share of the time in which missing memory arrives a guest has to wait at least: it may write elsewhere, and
# where QEMU has a channel of its own for the pages that are waited for, libvirt uses that.
LEAST_WAITING_SHARE = 0.1
# A guest that needs its processors for a part of the time only is not slowed before auto-converge takes more than the
# rest.
LEAST_BUSY_SHARE = 0.1
# After any blackout a guest is slow for a moment, since the processor and, if emulated, QEMU begin anew with its code.
# The median of 11 runs of pre-copy, stop-and-copy and auto-converge, and about their deviation.
FRESH_BROWNOUT_MS, FRESH_DEVIATION = 110.0, 0.7


@dataclass(frozen=True)
class Outlook:
    """What is expected of a cell: how likely its guest moves, its total time, its blackout and the brownout after it.

    The times are of runs that move the guest, None if none is expected to.
    """

    probability: float
    total_ms: Range | None
    downtime_ms: Range | None
    brownout_ms: Range | None


def outlook(scenario: Scenario) -> Outlook | None:
    """Return what is expected of a scenario; None for a site's own guest. The same scenario gives the same."""
    if predict(scenario) is None or scenario.workload is None:
        return None
    workload = scenario.workload

    def drawn(chance: random.Random) -> Prediction | None:
        link = drawn_link(scenario.link, chance)
        dirty = workload.dirty_rate_mib_per_second * chance.lognormvariate(0, DIRTY_RATE_DEVIATION)
        asked = replace(scenario, link=link, workload=replace(workload, dirty_rate_mib_per_second=dirty))
        return predict(asked, busy_share=drawn_busy_share(chance))

    return outlook_of(drawn)


def outlook_of(drawn: Callable[[random.Random], Prediction | None]) -> Outlook:
    """Return what is expected by predictions that are drawn one by one, each from rates that a site may really have."""
    chance = random.Random(SEED)
    rows = []
    for _draw in range(DRAWS):
        found = drawn(chance)
        times = _times(found, chance) if found is not None else None
        if times is not None:
            rows.append(times)
    total, downtime, brownout = (range_of(column) for column in zip(*rows)) if rows else (None, None, None)
    return Outlook(len(rows) / DRAWS, total, downtime, brownout)


def drawn_link(link: Link, chance: random.Random) -> Link:
    """Return a link whose payload is another one within what it varies by, and never more than its rate."""
    payload = payload_mbit_per_second(link) * chance.lognormvariate(0, PAYLOAD_DEVIATION)
    return replace(link, payload_mbit_per_second=min(payload, link.rate_mbit_per_second))


def drawn_busy_share(chance: random.Random) -> float:
    """Return for what share of the time a guest may need its processors, of which nothing is known."""
    return chance.uniform(LEAST_BUSY_SHARE, 1)


def _times(found: Prediction, chance: random.Random) -> tuple[float, float, float] | None:
    """Return total time, blackout and brownout in ms as they may come out; None if the migration does not end.

    So many numbers are drawn each time that one strategy meets the same chances as another.
    """
    slower, beside, resume, fresh = (
        chance.lognormvariate(0, deviation)
        for deviation in (TIME_DEVIATION, OVERHEAD_DEVIATION, RESUME_DEVIATION, FRESH_DEVIATION)
    )
    waiting = chance.uniform(LEAST_WAITING_SHARE, 1)
    if not found.converges or found.downtime_ms is None:
        return None
    sending = found.disk_time_ms + found.transfer_time_ms
    total = sending * slower + (found.total_time_ms - sending) * beside
    downtime = (found.downtime_ms - found.resume_ms) * slower + found.resume_ms * resume
    return total, downtime, found.brownout_ms * slower * waiting + FRESH_BROWNOUT_MS * fresh
