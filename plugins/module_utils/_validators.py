# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a run to be believed? Each validator looks at one thing and says in one sentence what it found."""

from __future__ import annotations

from typing import Callable

from ansible_collections.stsm.live_migration.plugins.module_utils import _validators_run as run
from ansible_collections.stsm.live_migration.plugins.module_utils import _validators_strategy as strategy
from ansible_collections.stsm.live_migration.plugins.module_utils import _validators_stream as stream
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import Finding, Observation

VALIDATORS: tuple[Callable[[Observation], Finding], ...] = (
    run.ended,
    run.one_host,
    run.memory_verified,
    run.disk_verified,
    run.strategy_happened,
    strategy.in_force,
    strategy.throttled,
    strategy.channels_used,
    strategy.xbzrle_used,
    strategy.zero_copied,
    strategy.encrypted,
    strategy.tunnelled,
    strategy.recovered,
    run.fault_struck,
    run.dirty_rate,
    run.background,
    run.clocks_bounded,
    run.vantage_points,
    run.calibrated,
    stream.throughput_identity,
    stream.accounting,
    stream.rate_within_link,
    stream.physical_limit,
    stream.nic_bytes,
    stream.latency_histogram,
)


# These take for granted that pages come and that the guest answers, which a fault that was asked for prevents.
_NOT_WITH_A_FAULT = (run.vantage_points, stream.throughput_identity, stream.latency_histogram)
# What is killed for good does not come back.
_NOT_WITH_A_LOSS = (strategy.recovered,)


def validate(observation: Observation) -> tuple[bool, list[Finding]]:
    """Return whether no validator failed, and what each found; one that does not apply neither passes nor fails."""
    fault = observation["scenario"].get("fault")
    skipped = (*(_NOT_WITH_A_FAULT if fault else ()), *(_NOT_WITH_A_LOSS if fault and "seconds" not in fault else ()))
    findings = [
        Finding(validator.__name__, None, "A fault was asked for, which this cannot be judged with.")
        if validator in skipped
        else validator(observation)
        for validator in VALIDATORS
    ]
    return all(finding.passed is not False for finding in findings), findings
