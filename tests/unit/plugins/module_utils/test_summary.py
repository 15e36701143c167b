# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a run and its outcome, from observations whose truth is known."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._brownout import KEYS, brownout, curve
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import decide
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import cpu_seconds, summarise
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import (
    at,
    event,
    not_converged,
    observation,
    site_guest,
)


def test_a_hybrid_run_in_figures() -> None:
    summary = summarise(observation())
    assert summary["total_time_ms"] == 4_200
    assert summary["preparation_time_ms"] == 700
    assert summary["transfer_time_ms"] == 3_450
    assert summary["payload_time_ms"] == pytest.approx(3_433.8, abs=0.1)
    assert summary["mean_rate_mbit_per_second"] == 952
    assert summary["transferred_bytes"] == 3_450 * 119_000
    assert summary["nic_bytes_source"] == pytest.approx(3_450 * 119_000 * 1.01)
    assert summary["iterations"] == 2
    assert summary["postcopy_requests"] == 1_234
    assert summary["postcopy_faults"] == 1_358
    assert summary["postcopy_latency_mean_us"] == 310
    assert (summary["postcopy_latency_50_below_us"], summary["postcopy_latency_99_below_us"]) == (256, 4096)
    assert summary["downtime_qemu_ms"] == 7
    assert summary["guest_longest_touch_ms"] == 41


def test_the_three_vantage_points_agree_on_the_blackout() -> None:
    summary = summarise(observation())
    assert summary["downtime_events_ms"] == 82
    assert summary["downtime_events_uncertainty_ms"] == 0.257
    for point in ("guest", "network"):
        assert abs(summary[f"downtime_{point}_ms"] - 82) <= summary[f"downtime_{point}_uncertainty_ms"]
    assert summary["downtime_guest_beyond_events_ms"] == pytest.approx(0, abs=0.1)


def test_the_brownout_follows_the_blackout() -> None:
    found = brownout(observation("hybrid", 1.6))
    assert 290 <= found["brownout_ms"] <= 320
    assert found["brownout_area_mib"] == pytest.approx(190.7 / 2 * 0.3, rel=0.05)
    assert found["brownout_ended"] is True
    assert found["brownout_equivalent_ms"] == pytest.approx(1000 * found["brownout_area_mib"] / 190.7, rel=0.01)
    # The guest ran at half of its speed all the time.
    assert found["half_speed_ms"] == 0
    assert found["brownout_ms"] <= found["full_speed_ms"] <= 400
    seen = curve(observation("hybrid", 1.6))
    assert seen[1:5] == [50] * 4 and set(seen[8:]) == {100}


def test_no_brownout_of_a_guest_that_is_not_slowed() -> None:
    seen = observation("hybrid", 1.6)
    window = seen["guest"]["window"]
    window["series_mib"] = [max(window["series_mib"])] * len(window["series_mib"])
    assert brownout(seen) == {**dict.fromkeys(KEYS, 0), "brownout_ended": True}
    assert set(curve(seen)) == {100}


def test_a_brownout_may_outlast_the_window() -> None:
    seen = observation("hybrid", 1.6)
    window = seen["guest"]["window"]
    window["series_mib"] = [done / 2 for done in window["series_mib"]]
    found = brownout(seen)
    assert found["brownout_ended"] is False
    assert found["brownout_ms"] > 1_500


@pytest.mark.parametrize("seen", [not_converged(), site_guest()])
def test_no_brownout_without_a_blackout_or_a_voice(seen: dict[str, Any]) -> None:
    assert set(brownout(seen).values()) == {None}


def test_a_run_that_did_not_move_the_guest_has_bytes_and_no_downtime() -> None:
    summary = summarise(not_converged())
    assert summary["transferred_bytes"] > 400_000_000
    assert summary["transfer_time_ms"] is None
    assert summary["downtime_events_ms"] is None
    assert summary["downtime_network_ms"] is None


def test_a_run_that_saw_nothing_has_no_figures_but_its_time() -> None:
    seen = not_converged()
    nothing: dict[str, Any] = {"source": [], "destination": []}
    seen.update(events=[], job_series=[], network=nothing, threads=nothing, echoes=[])
    seen["guest"] = {"warm_up": None, "window": None, "verified": None}
    assert {key for key, value in summarise(seen).items() if value is not None} == {"total_time_ms", "group_time_ms"}


def test_cpu_time_counts_only_while_the_migration_ran() -> None:
    seen = observation()
    rows = [(-50, {"CPU 0/TCG": 10.0}), (0, {"CPU 0/TCG": 11.0}), (50, {"CPU 0/TCG": 12.0, "live_migration": 0.5})]
    rows.append((9_000, {"CPU 0/TCG": 99.0}))
    seen["threads"]["source"] = [{"at_ns": at(t), "cpu_seconds": used} for t, used in rows]
    assert cpu_seconds(seen, "source") == 1.5


def test_a_switchover_that_failed_has_a_blackout_on_the_source() -> None:
    seen = not_converged()
    seen["events"] += [event("source", "STOP", 1_000), event("source", "RESUME", 1_040)]
    summary = summarise(seen)
    assert (summary["downtime_events_ms"], summary["downtime_events_uncertainty_ms"]) == (40, 0.001)


def change(**migration: Any) -> dict[str, Any]:
    """A run that left the guest on the source, told otherwise."""
    seen = not_converged()
    seen["migration"].update(migration)
    return seen


@pytest.mark.parametrize(
    ("seen", "outcome", "words"),
    [
        (observation(), "completed", "runs on the destination"),
        (not_converged(), "not_converged", "time limit of 20 s"),
        (change(abort_reason="interrupted"), "aborted", "interrupted after 4.2 s"),
        (change(abort_reason=None, error="unable to connect."), "failed", "runs on the source (unable to connect)."),
        ({**observation(), "guest_location": "none"}, "lost", "stsm-guest runs on neither host."),
        ({**site_guest(), "guest_location": "both"}, "lost", "web-1 runs on both hosts"),
        (
            {**observation(), "migration": {**observation()["migration"], "error": "domain is gone"}},
            "failed",
            "runs on the destination, but its migration ended with an error (domain is gone).",
        ),
        (
            {
                **observation(),
                "events": [*observation()["events"], event("source", "MIGRATION", 3_600, status="postcopy-recover")],
            },
            "recovered",
            "broke in post-copy and was resumed",
        ),
    ],
)
def test_the_outcome_and_its_reason(seen: dict[str, Any], outcome: str, words: str) -> None:
    found, reason = decide(seen)
    assert found == outcome
    assert words in reason
    assert reason.endswith(".")
