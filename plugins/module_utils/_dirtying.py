# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a running guest changed of its memory in a short and in a long time to its working set and dirty rate.

A page that is written twice counts once. So in a time *t* a sequential sweep of a working set *W* changes min(W, d t),
and writes to random pages of it change W (1 - exp(-d t / W)). Which of both a guest does is not known; both are kept.
"""

from __future__ import annotations

import math
import random
from dataclasses import astuple, dataclass
from statistics import mean
from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._draws import DRAWS, SEED, range_of

# QEMU looks at so many pages of each GiB, unless it is told otherwise, and at each that was written otherwise.
SAMPLED_PAGES_PER_GIB = 512
# libvirt tells whole MiB a second.
ROUNDING_MIB_PER_SECOND = 0.5
# A guest that has been through its working set within a short time may write any number of times as fast.
FASTEST_FACTOR = 4.0
SATURATED_SHARE = 0.9

PATTERNS = ("sequential", "random")
_BISECTIONS = 50


@dataclass(frozen=True)
class Dirtying:
    """How a guest writes: its working set in MiB, its dirty rate in MiB/s and the order of its writes."""

    working_set_mib: float
    dirty_rate_mib_per_second: float
    pattern: str


@dataclass(frozen=True)
class Observed:
    """What was measured of a running guest, in MiB: changed in each of some short times and in one long time.

    is_sampled says that a part of the pages was looked at, so that shares of the memory have the error of a sample.
    touched_mib is all that the guest ever wrote to.
    """

    memory_mib: float
    touched_mib: float
    short_seconds: int
    short_mib: Sequence[float]
    long_seconds: int
    long_mib: float
    is_sampled: bool

    def drawn(self, chance: random.Random) -> Dirtying:
        """Return one way to write memory that explains what was measured, within the error of that."""
        pattern = PATTERNS[chance.random() < 0.5]
        short = self._within_error(mean(self.short_mib), len(self.short_mib), self.short_seconds, chance)
        long = max(short, self._within_error(self.long_mib, 1, self.long_seconds, chance))
        unseen = chance.random()
        faster = FASTEST_FACTOR ** chance.random()
        if short <= 0:
            return Dirtying(max(1.0, long), long / self.long_seconds, pattern)
        times = self.long_seconds / self.short_seconds
        if long >= SATURATED_SHARE * short * times:
            # The long time was too short to see the end of the working set.
            whole = long + unseen * max(0.0, self.touched_mib - long)
        elif pattern == "random":
            whole = _random_working_set(short, long, times, max(long, self.touched_mib))
        else:
            whole = long
        rate = short / self.short_seconds
        if short >= SATURATED_SHARE * whole:
            rate *= faster
        elif pattern == "random":
            rate *= -math.log1p(-short / whole) * whole / short
        return Dirtying(whole, rate, pattern)

    def ranges(self) -> dict[str, tuple[float, float, float]]:
        """Return median, low and high of working set and dirty rate, between which nine tenths of the draws lie."""
        chance = random.Random(SEED)
        drawn = [self.drawn(chance) for _draw in range(DRAWS)]
        return {
            name: astuple(range_of([getattr(one, name) for one in drawn]))
            for name in ("working_set_mib", "dirty_rate_mib_per_second")
        }

    @property
    def is_saturated(self) -> bool:
        """Whether the guest had been through its working set in the short time, so that its rate is not known."""
        return mean(self.short_mib) >= SATURATED_SHARE * self.long_mib > 0

    def _within_error(self, mib: float, count: int, seconds: int, chance: random.Random) -> float:
        """Return another figure that may as well have been measured, as the mean of so many measurements."""
        error = ROUNDING_MIB_PER_SECOND * seconds
        if self.is_sampled:
            # Not even a sample in which nothing has changed says that nothing does.
            pages = max(1.0, self.memory_mib / 1024 * SAMPLED_PAGES_PER_GIB)
            share = min(max(mib / self.memory_mib, 0.5 / pages), 1 - 0.5 / pages) if mib else 0.0
            error = math.hypot(error, self.memory_mib * math.sqrt(share * (1 - share) / pages))
        return min(self.touched_mib, max(0.0, mib + chance.gauss(0, error / math.sqrt(count)))) if mib else 0.0


def _random_working_set(short_mib: float, long_mib: float, times: float, at_most_mib: float) -> float:
    """Return the working set of which random writes change so much in a time, and so much in so many times that."""
    low, high = long_mib, at_most_mib
    for _step in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle * -math.expm1(times * math.log1p(-min(short_mib / middle, 1 - 1e-9))) < long_mib:
            low = middle
        else:
            high = middle
    return high
