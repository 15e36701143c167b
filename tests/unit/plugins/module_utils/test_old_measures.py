# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ping and nova-compute's log would have told of a run, as ICCLab measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._nova_log import log_bytes, log_lines
from ansible_collections.stsm.live_migration.plugins.module_utils._old_measures import old_measures, pinged
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import observation

MS = 1_000_000
INSTANCE = "b211aa22-9f13-4b8d-8516-cda2cc5155c7"
# As nova-compute 31.0.0 wrote it, less the request's ids.
LOG = f"""\
2026-11-29 12:10:16.531 4875 INFO nova.compute.manager [None req-1 a b - - c d] [instance: {INSTANCE}] Took 5.52 seconds
2026-11-29 12:10:20.272 4875 WARNING nova.compute.manager [req-2 req-3 a b] [instance: {INSTANCE}] Received unexpected
2026-11-29 12:10:22.000 4875 INFO oslo.messaging.notification.instance.live_migration_post.start [-] {{"instance": 1}}
2026-11-29 12:10:30.000 4875 INFO nova.compute.manager [-] [instance: another] VM Stopped (Lifecycle Event)
2026-11-29 12:10:32.144 4875 INFO nova.compute.manager [-] [instance: {INSTANCE}] Migrating finished successfully.
"""


def echoes(lost_from_ms: int, lost_until_ms: int, seconds: float = 2.0) -> list[list[int | None]]:
    """Probes every 5 ms, answered within 1 ms but for those sent in between."""
    sent = range(5, round(seconds * 1000), 5)
    return [[at * MS, None if lost_from_ms <= at < lost_until_ms else (at + 1) * MS, None, None] for at in sent]


@pytest.mark.parametrize(
    ("outage_ms", "interval_ms", "low_ms", "high_ms"),
    [
        (90, 100, 0, 100),
        (100, 100, 100, 100),
        (250, 100, 200, 300),
        (90, 200, 0, 200),
        (450, 200, 400, 600),
        (0, 100, 0, 0),
    ],
)
def test_ping_tells_the_outage_in_whole_intervals(outage_ms: int, interval_ms: int, low_ms: int, high_ms: int) -> None:
    assert pinged(echoes(1000, 1000 + outage_ms), interval_ms, 0, 1500 * MS) == (low_ms, high_ms)


def test_ping_tells_nothing_of_a_guest_that_never_answers_again() -> None:
    assert pinged(echoes(1000, 2000), 100, 0, 1500 * MS) is None
    assert pinged([], 100, 0, 1500 * MS) is None


def test_the_log_is_read_from_where_it_ended_before(tmp_path: Path) -> None:
    log = tmp_path / "nova-compute.log"
    logs = (str(tmp_path / "none.log"), str(log))
    assert (log_bytes(logs), log_lines(INSTANCE, 0, logs)) == (0, [])
    log.write_text(LOG)
    first, second, last = log_lines(INSTANCE, 0, logs)
    assert last["time_of_day_ms"] - first["time_of_day_ms"] == 15613
    assert second["message"] == "Received unexpected"
    assert log_lines(INSTANCE, log_bytes(logs), logs) == []
    assert len(log_lines(INSTANCE, 10**9, logs)) == 3, "one that was begun anew"


def test_the_logs_time_ends_where_nova_says_so() -> None:
    seen = observation("pre-copy")
    assert old_measures(seen)["log_time_ms"] is None
    lines = [(7000, "Took 5 seconds"), (9500, "Migrating finished successfully."), (16000, "VM Stopped")]
    log = [{"host": "source", "time_of_day_ms": at, "message": message} for at, message in lines]
    seen["migration"]["nova"] = {"log": log}
    assert old_measures(seen)["log_time_ms"] == 2500.0
