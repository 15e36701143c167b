# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sure a prediction is: the models asked again and again, with rates as uncertain as they are at a site.

A model gives one time and says that a migration ends, or not. Near the edge the truth is a probability, since neither
the link's payload nor the guest's dirty rate is what was asked for to the last per cent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ansible_collections.stsm.live_migration.plugins.module_utils._models import payload_mbit_per_second, predict
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import DIRTY_RATE_SHARE, Scenario

# Standard deviations as shares: of the payload rate between two measurements, of the dirty rate (which a validator
# holds within twice that), and of what a migration takes beside its bytes from one run to the next.
PAYLOAD_DEVIATION = 0.02
DIRTY_RATE_DEVIATION = DIRTY_RATE_SHARE / 2
TIME_DEVIATION = 0.05

_DRAWS = 200
_SEED = 2014
# The interval that is told leaves out so many draws at either end: it holds nine tenths of them.
_LEFT_OUT = _DRAWS // 20


@dataclass(frozen=True)
class Outlook:
    """What is expected of a cell: how likely its guest moves, and between what its total time lies in nine of ten runs.

    The times are of runs that move the guest, None if none is expected to.
    """

    probability: float
    low_ms: float | None
    high_ms: float | None


def outlook(scenario: Scenario) -> Outlook | None:
    """Return what is expected of a scenario; None for a site's own guest. The same scenario gives the same."""
    if predict(scenario) is None or scenario.workload is None:
        return None
    chance = random.Random(_SEED)
    payload = payload_mbit_per_second(scenario.link)
    times = []
    for _draw in range(_DRAWS):
        link = replace(
            scenario.link,
            payload_mbit_per_second=min(
                payload * chance.lognormvariate(0, PAYLOAD_DEVIATION), scenario.link.rate_mbit_per_second
            ),
        )
        dirty = scenario.workload.dirty_rate_mib_per_second * chance.lognormvariate(0, DIRTY_RATE_DEVIATION)
        found = predict(
            replace(scenario, link=link, workload=replace(scenario.workload, dirty_rate_mib_per_second=dirty))
        )
        slower = chance.lognormvariate(0, TIME_DEVIATION)
        if found is not None and found.converges:
            times.append(found.total_time_ms * slower)
    times.sort()
    cut = min(_LEFT_OUT, len(times) // 20)
    low, high = (times[cut], times[-1 - cut]) if times else (None, None)
    return Outlook(len(times) / _DRAWS, low, high)
