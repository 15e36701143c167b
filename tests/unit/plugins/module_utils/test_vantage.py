# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three vantage points against synthetic guests whose pauses are known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import (
    Downtime,
    blackout_edges,
    events_blackout,
    guest_jump,
    guest_time_ns,
    network_downtime,
    network_outages,
    noise_floor_ms,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._observation import MS, SyntheticGuest

trips = st.lists(st.integers(100_000, 4_000_000), min_size=1, max_size=40)


def guests_with_pauses(shortest_ns: int) -> st.SearchStrategy[SyntheticGuest]:
    """Guests that stop for this long or longer, often not much longer."""
    return st.builds(
        SyntheticGuest,
        pause=st.one_of(st.integers(shortest_ns, 100 * MS), st.integers(shortest_ns, 5_200 * MS)),
        stop_phase=st.integers(0, 20 * MS),
        queues=st.booleans(),
        there=trips,
        back=trips,
        send_late=st.lists(st.integers(0, 4_600_000), min_size=1, max_size=40),
        drift=st.floats(-4e-4, 4e-4),
        new_drift=st.floats(-4e-4, 4e-4),
    )


guests = guests_with_pauses(0)


def holds(downtime: Downtime | None, truth_ns: float) -> bool:
    """Whether a known pause lies in the interval that was stated."""
    return downtime is not None and downtime.low_ms - 1e-6 <= truth_ns / MS <= downtime.high_ms + 1e-6


@given(guests)
@settings(max_examples=60, deadline=None)
@example(SyntheticGuest(pause=0))
@example(SyntheticGuest(pause=50 * MS, queues=True))
@example(SyntheticGuest(pause=500 * MS, queues=False))
@example(SyntheticGuest(pause=5_000 * MS, there=[400_000] * 39 + [3_900_000]))
def test_the_guest_jump_holds_the_pause(guest: SyntheticGuest) -> None:
    jump = guest_jump(guest.echoes(), guest.stop, guest.resume)
    assert holds(jump, guest.pause)
    assert jump is not None
    assert jump.uncertainty_ms < 10


@given(guests)
@settings(max_examples=60, deadline=None)
def test_the_network_outage_holds_the_pause(guest: SyntheticGuest) -> None:
    echoes = guest.echoes()
    floor = noise_floor_ms(echoes, guest.stop - 20 * MS)
    assert floor is not None
    downtime = network_downtime(echoes, guest.stop, guest.resume, quiet_until_ns=guest.stop - 20 * MS)
    assert holds(downtime, guest.pause)
    assert downtime is not None
    assert downtime.uncertainty_ms <= 2 * floor + 5


@given(guests_with_pauses(30 * MS + 1))
@settings(max_examples=25, deadline=None)
def test_the_jump_is_found_without_the_events(guest: SyntheticGuest) -> None:
    assert holds(guest_jump(guest.echoes()), guest.pause)


def test_a_guest_that_never_stopped_jumps_by_nothing() -> None:
    jump = guest_jump(SyntheticGuest(pause=0).echoes())
    assert jump is not None
    assert jump.value_ms < 1


@pytest.mark.parametrize(("slow_start_ms", "widest_ms"), [(0, 2), (925, 8)])
def test_late_probes_after_a_switch_widen_the_jump_but_do_not_move_it(slow_start_ms: int, widest_ms: float) -> None:
    guest = SyntheticGuest(pause=98 * MS, slow_start=slow_start_ms * MS, new_drift=3e-4)
    jump = guest_jump(guest.echoes(), guest.stop, guest.resume)
    assert holds(jump, guest.pause)
    assert jump is not None
    assert jump.uncertainty_ms < widest_ms


def test_clocks_of_hosts_that_differ_by_five_percent_are_believed() -> None:
    guest = SyntheticGuest(pause=500 * MS, new_drift=0.05)
    assert holds(guest_jump(guest.echoes(), guest.stop, guest.resume), guest.pause)


def test_no_echoes_on_one_side_mean_no_jump() -> None:
    guest = SyntheticGuest(pause=50 * MS)
    before = [echo for echo in guest.echoes() if (echo[0] or 0) < guest.stop]
    assert guest_jump(before, guest.stop, guest.resume) is None
    assert guest_jump([], guest.stop, guest.resume) is None
    assert guest_jump([]) is None


def test_a_queue_of_50_ms_is_late_and_not_lost() -> None:
    guest = SyntheticGuest(pause=50 * MS)
    (outage,) = network_outages(guest.echoes(), 5.0, 10.0)
    assert outage["lost"] == 0
    assert outage["late"] == 9
    assert outage["ended"]
    assert abs(outage["start_ns"] - guest.stop) < 10 * MS


def test_each_burst_of_loss_is_told_apart() -> None:
    echoes = SyntheticGuest(pause=200 * MS, queues=False).echoes()
    for index in range(700, 710):
        echoes[index][1:] = [None, None, None]
    outages = network_outages(echoes, 5.0, 10.0)
    assert [outage["lost"] for outage in outages] == [40, 10]
    longest = network_downtime(echoes, None, None)
    assert longest is not None
    assert longest.value_ms > 180


def test_probes_in_flight_at_the_end_are_not_lost() -> None:
    echoes = SyntheticGuest(pause=0).echoes()
    echoes[-1][1:] = [None, None, None]
    assert network_outages(echoes, 5.0, 10.0) == []


def test_a_silence_that_never_ends_is_an_outage_without_a_length() -> None:
    echoes = SyntheticGuest(pause=0).echoes()
    for echo in echoes[-100:]:
        echo[1:] = [None, None, None]
    outages = network_outages(echoes, 5.0, 10.0)
    assert [outage["ended"] for outage in outages] == [False]
    assert outages[0]["lost"] == 97
    assert network_downtime(echoes, None, None) is None


def test_a_late_observer_widens_the_outage() -> None:
    guest = SyntheticGuest(pause=200 * MS)
    echoes = guest.echoes()
    inside = [index for index, echo in enumerate(echoes) if guest.stop < (echo[0] or 0) < guest.resume]
    calm = network_outages(echoes, 5.0, 10.0)[0]
    starved = network_outages([echo for index, echo in enumerate(echoes) if index not in inside], 5.0, 10.0)[0]
    assert starved["uncertainty_ms"] > calm["uncertainty_ms"] + 90


def test_no_noise_floor_without_answers() -> None:
    assert noise_floor_ms(SyntheticGuest(pause=0).echoes()[:10], SyntheticGuest(pause=0).stop) is None


def test_nothing_above_the_noise_floor_means_at_most_that() -> None:
    guest = SyntheticGuest(pause=0)
    downtime = network_downtime(guest.echoes(), guest.stop, guest.resume)
    assert downtime == Downtime(0.0, 5.0)


def test_without_a_quiet_window_the_network_says_nothing() -> None:
    assert network_downtime([], None, None) is None
    assert network_downtime(SyntheticGuest(pause=0).echoes()[:10], None, None) is None


def test_an_outage_elsewhere_is_not_the_blackout() -> None:
    guest = SyntheticGuest(pause=50 * MS)
    echoes = guest.echoes()
    for index in range(600, 650):
        echoes[index][1:] = [None, None, None]
    assert holds(network_downtime(echoes, guest.stop, guest.resume), guest.pause)


def test_the_guest_clock_at_the_stop() -> None:
    guest = SyntheticGuest(pause=500 * MS, drift=2e-4)
    at_stop = guest_time_ns(guest.echoes(), guest.stop)
    assert at_stop is not None
    assert abs(at_stop - guest.clock(guest.stop)) < MS
    assert guest_time_ns([], guest.stop) is None


def event(host: str, name: str, at_ms: float) -> dict[str, Any]:
    """One event of a VMM."""
    return {"host": host, "event": name, "at_ns": 1_000 * MS + round(at_ms * MS), "data": {}}


def test_the_events_show_the_last_stop_and_the_resume_after_it() -> None:
    events = [
        event("source", "STOP", 0),
        event("source", "RESUME", 40),
        event("source", "STOP", 100),
        event("destination", "RESUME", 198),
        event("destination", "RESUME", 300),
    ]
    blackout = events_blackout(events, {"source": 300_000, "destination": 200_000})
    assert blackout is not None
    assert blackout.value_ms == 98
    assert blackout.uncertainty_ms == pytest.approx(0.501)


def test_on_one_host_the_clock_bounds_cancel() -> None:
    events = [event("source", "STOP", 0), event("source", "RESUME", 50)]
    assert events_blackout(events, {"source": MS}) == Downtime(50, 0.001)


def test_a_resume_may_seem_earlier_within_the_clock_bounds() -> None:
    events = [event("destination", "RESUME", 9.5), event("source", "STOP", 10)]
    assert events_blackout(events, {"source": 400_000, "destination": 400_000}) == Downtime(0.0, 0.801)
    assert events_blackout(events, {"source": 100_000, "destination": 100_000}) is None


def test_a_stop_without_a_resume_is_no_blackout() -> None:
    assert events_blackout([event("source", "STOP", 0)]) is None
    assert events_blackout([]) is None


def test_a_second_stop_that_nobody_resumed_does_not_hide_the_first() -> None:
    events = [event("source", "STOP", 0), event("destination", "RESUME", 5), event("source", "STOP", 7)]
    edges = blackout_edges(events)
    assert edges is not None
    assert (edges.stop_ns, edges.resume_ns) == (1_000 * MS, 1_005 * MS)


def test_a_downtime_meets_a_truth_within_its_interval() -> None:
    downtime = Downtime(50, 2)
    assert downtime.agrees_with(51, 60)
    assert downtime.agrees_with(40, 48)
    assert not downtime.agrees_with(52.5, 60)
    assert downtime.to_dict() == {"value_ms": 50, "uncertainty_ms": 2}
