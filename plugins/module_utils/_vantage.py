# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three vantage points of downtime: the VMM's events, the jump of the guest's clock, the silence on the network.

Pure functions over what was observed, used alike for runs and for the calibration. All times are nanoseconds of the
observer's monotonic clock unless the name says guest. An echo is [send_ns, receive_ns, guest_ns, touched_pages]; what
did not come back is null. Every result carries the half-width of the interval in which the truth lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple, Optional, Sequence

NS_PER_MS = 1_000_000

# The period of the network's echoes, and how well the hosts' clocks must be known for events of both to be compared.
PROBE_PERIOD_MS = 5.0
CLOCK_BOUND_MS = 2.0

# QEMU stamps its events in whole microseconds: half a microsecond at either end.
EVENT_RESOLUTION_MS = 0.001

# Echoes further from the blackout than this say more about the clocks' drift than about the jump.
WINDOW_NS = 2_000_000_000

# Echoes nearer to the blackout than this may lie on either side of it, for the events' clocks are not exact.
EDGE_NS = 5_000_000

# A guest's kernel takes a clock that is off by up to 1 %; two disciplined hosts differ by at most 500 ppm each.
GUEST_DRIFT_LIMIT = 1e-2
HOST_DRIFT_LIMIT = 1e-3

# Without the events' help, the clocks' difference before and after is taken from this many echoes at either end.
SIDE_ECHOES = 100

Echo = Sequence[Optional[int]]


@dataclass(frozen=True)
class Downtime:
    """A downtime and the half-width of its interval, both in milliseconds."""

    value_ms: float
    uncertainty_ms: float

    @property
    def low_ms(self) -> float:
        """The shortest downtime that agrees with what was seen."""
        return self.value_ms - self.uncertainty_ms

    @property
    def high_ms(self) -> float:
        """The longest downtime that agrees with what was seen."""
        return self.value_ms + self.uncertainty_ms

    def agrees_with(self, low_ms: float, high_ms: float) -> bool:
        """Return whether the interval of this downtime meets that of a known truth."""
        return self.low_ms <= high_ms and low_ms <= self.high_ms

    def to_dict(self) -> dict[str, float]:
        """Return both figures by name."""
        return {"value_ms": self.value_ms, "uncertainty_ms": self.uncertainty_ms}


class Edges(NamedTuple):
    """Where the events say that the guest stopped and where it ran again."""

    stop_ns: int
    resume_ns: int
    uncertainty_ns: int


class _Offset(NamedTuple):
    """The interval in which observer clock minus guest clock lies."""

    low_ns: float
    high_ns: float


def blackout_edges(events: Sequence[Mapping[str, Any]], bounds_ns: Mapping[str, int] | None = None) -> Edges | None:
    """Return the last STOP on the source that a RESUME followed, and that RESUME; None if there is no such pair.

    bounds_ns holds for each host how far its converted clock may be off. Both ends on one host share one clock, so
    there the bounds cancel. A RESUME on the other host may seem to come before the STOP by at most both bounds.
    """
    bounds = bounds_ns or {}
    resumes = [event for event in events if event["event"] == "RESUME"]
    for stop in sorted((e for e in events if e["event"] == "STOP" and e["host"] == "source"), key=_at, reverse=True):
        found = []
        for resume in resumes:
            same_host = resume["host"] == stop["host"]
            slack_ns = 0 if same_host else bounds.get(stop["host"], 0) + bounds.get(resume["host"], 0)
            if _at(resume) >= _at(stop) - slack_ns:
                found.append(Edges(_at(stop), max(_at(stop), _at(resume)), slack_ns))
        if found:
            return min(found, key=lambda edges: edges.resume_ns)
    return None


def events_blackout(events: Sequence[Mapping[str, Any]], bounds_ns: Mapping[str, int] | None = None) -> Downtime | None:
    """Return the blackout as the VMMs' events show it; None if the guest did not stop or did not run again."""
    edges = blackout_edges(events, bounds_ns)
    if edges is None:
        return None
    return Downtime(
        (edges.resume_ns - edges.stop_ns) / NS_PER_MS, EVENT_RESOLUTION_MS + edges.uncertainty_ns / NS_PER_MS
    )


def guest_jump(echoes: Sequence[Echo], stop_ns: int | None = None, resume_ns: int | None = None) -> Downtime | None:
    """Return the blackout as the jump of observer clock minus guest clock; None without echoes on both sides.

    The guest's clock stops with the guest, so the guest cannot see its own blackout, but the observer can: the guest
    made its stamp somewhere between sending and receiving, so the difference of the clocks lies in [send - guest,
    receive - guest] for each echo, and in the intersection of these intervals on either side of the blackout. stop_ns
    and resume_ns only choose the sides; without them the clock itself shows where it jumped.
    """
    answered = _sure(echoes)
    if not answered:
        return None
    if stop_ns is None or resume_ns is None:
        stop_ns, resume_ns = _sides(answered)
    before = [e for e in answered if stop_ns - WINDOW_NS <= e[0] and e[1] < stop_ns - EDGE_NS]
    after = [e for e in answered if resume_ns + EDGE_NS < e[0] and e[1] <= resume_ns + WINDOW_NS]
    return _jump(before, after, stop_ns, resume_ns)


def noise_floor_ms(echoes: Sequence[Echo], until_ns: int, window_ns: int = WINDOW_NS) -> float | None:
    """Return the longest silence and round trip of a quiet window before until_ns; None with fewer than 20 answers."""
    quiet = [(e[0], e[1]) for e in echoes if e[0] is not None and e[1] is not None]
    quiet = sorted((s, r) for s, r in quiet if until_ns - window_ns <= s and r <= until_ns)
    if len(quiet) < 20:
        return None
    received = sorted(receive for send, receive in quiet)
    silences = [later - earlier for earlier, later in zip(received, received[1:])]
    return max(max(silences), max(receive - send for send, receive in quiet)) / NS_PER_MS


def network_outages(
    echoes: Sequence[Echo], period_ms: float = 5.0, noise_floor_ms: float = 10.0
) -> list[dict[str, Any]]:
    """Return each silence longer than the noise floor, in order of time.

    Each is {"start_ns", "end_ns", "length_ms", "uncertainty_ms", "lost", "late", "ended"}: lost counts the probes of
    the silence that never came back, late those that came back after it and took longer than the noise floor. ended is
    False for a silence that lasts until the last probe; probes younger than the noise floor are in flight, not lost.

    A silence of g after a reply that took t means an outage of at most g + t: the guest answered that probe at the
    earliest when it was sent. It means one of at least g less two noise floors (the next reply was due within one,
    the first reply after the outage took at most one), less another one where probes were lost (the first probe that
    could be answered had still to come), less the observer's own lateness in sending.
    """
    sends = sorted(e[0] for e in echoes if e[0] is not None)
    replies = sorted((e[1], e[0]) for e in echoes if e[0] is not None and e[1] is not None)
    outages = []
    for (reply_ns, sent_ns), (next_ns, _next_sent_ns) in zip(replies, replies[1:]):
        if next_ns - reply_ns > noise_floor_ms * NS_PER_MS:
            outages.append(_outage(echoes, sends, (sent_ns, reply_ns, next_ns), period_ms, noise_floor_ms, ended=True))
    if replies and sends[-1] - replies[-1][0] > noise_floor_ms * NS_PER_MS:
        reply_ns, sent_ns = replies[-1]
        outages.append(_outage(echoes, sends, (sent_ns, reply_ns, sends[-1]), period_ms, noise_floor_ms, ended=False))
    return outages


def network_downtime(
    echoes: Sequence[Echo],
    stop_ns: int | None,
    resume_ns: int | None,
    period_ms: float = 5.0,
    quiet_until_ns: int | None = None,
) -> Downtime | None:
    """Return the longest outage that meets the blackout; None without a quiet window before it, or if it never ended.

    The noise floor is that of the two seconds before quiet_until_ns (or the stop); without an outage above it, the
    downtime is at most that. Without stop and resume, the longest outage of all counts after two quiet seconds.
    """
    if quiet_until_ns is None:
        began_ns = next((echo[0] for echo in echoes if echo[0] is not None), 0)
        quiet_until_ns = began_ns + WINDOW_NS if stop_ns is None else stop_ns - EDGE_NS
    floor_ms = noise_floor_ms(echoes, quiet_until_ns)
    if floor_ms is None:
        return None
    outages = network_outages(echoes, period_ms, floor_ms)
    if stop_ns is not None and resume_ns is not None:
        outages = [o for o in outages if o["start_ns"] <= resume_ns + EDGE_NS and o["end_ns"] >= stop_ns - EDGE_NS]
    if not outages:
        return Downtime(0.0, floor_ms)
    longest = max(outages, key=lambda outage: float(outage["length_ms"]))
    return Downtime(longest["length_ms"], longest["uncertainty_ms"]) if longest["ended"] else None


def guest_time_ns(echoes: Sequence[Echo], stop_ns: int) -> int | None:
    """Return what the guest's clock showed when the guest stopped, and so when it ran again; None without echoes."""
    before = _sure([e for e in echoes if e[0] is not None and stop_ns - WINDOW_NS <= e[0]], stop_ns - EDGE_NS)
    if not before:
        return None
    offset = _intersection(before, stop_ns, _drift(before, GUEST_DRIFT_LIMIT))
    return round(stop_ns - (offset.low_ns + offset.high_ns) / 2)


def _sure(echoes: Sequence[Echo], until_ns: int | None = None) -> list[tuple[int, int, int]]:
    """Return the echoes that came back with the guest's stamp, before until_ns if that is given."""
    whole = [(e[0], e[1], e[2]) for e in echoes if e[0] is not None and e[1] is not None and e[2] is not None]
    return whole if until_ns is None else [echo for echo in whole if echo[1] < until_ns]


def _at(event: Mapping[str, Any]) -> int:
    """Return the time of an event."""
    return int(event["at_ns"])


def _outage(
    echoes: Sequence[Echo],
    sends: Sequence[int],
    silence: tuple[int, int, int],
    period_ms: float,
    floor_ms: float,
    ended: bool,
) -> dict[str, Any]:
    """Return one outage from a silence: (send of the last reply before, that reply, first reply after)."""
    sent_ns, reply_ns, next_ns = silence
    floor_ns = floor_ms * NS_PER_MS
    # A probe sent less than a noise floor before the end of an open silence is still in flight.
    lost_until_ns = next_ns if ended else next_ns - floor_ns
    lost = late = 0
    for send, receive, *_rest in echoes:
        if send is None or not sent_ns < send < lost_until_ns:
            continue
        lost += receive is None
        late += receive is not None and receive >= next_ns and receive - send > floor_ns
    inside = [send for send in sends if sent_ns <= send <= next_ns]
    lateness_ms = max((b - a for a, b in zip(inside, inside[1:])), default=0) / NS_PER_MS - period_ms
    length_ms = (next_ns - reply_ns) / NS_PER_MS
    high_ms = length_ms + (reply_ns - sent_ns) / NS_PER_MS
    low_ms = max(0.0, length_ms - (3 if lost else 2) * floor_ms - max(0.0, lateness_ms))
    return {
        "start_ns": reply_ns,
        "end_ns": next_ns,
        "length_ms": (low_ms + high_ms) / 2,
        "uncertainty_ms": (high_ms - low_ms) / 2,
        "lost": lost,
        "late": late,
        "ended": ended,
    }


def _drift(echoes: Sequence[tuple[int, int, int]], limit: float) -> float:
    """Return the fastest drift (ns per ns) of the two clocks that agrees with the echoes of one side.

    Slow echoes say little, so a drift above the limit is believed only if the echoes allow none below it.
    """
    tenth = max(1, len(echoes) // 10)
    first, last = echoes[:tenth], echoes[-tenth:]
    apart_ns = last[0][0] - first[-1][1]
    if apart_ns <= 0:
        return limit
    early, late = _intersection(first, 0, 0.0), _intersection(last, 0, 0.0)
    slowest, fastest = (late.low_ns - early.high_ns) / apart_ns, (late.high_ns - early.low_ns) / apart_ns
    if slowest <= limit and fastest >= -limit:
        slowest, fastest = max(slowest, -limit), min(fastest, limit)
    return max(abs(slowest), abs(fastest))


def _intersection(echoes: Sequence[tuple[int, int, int]], edge_ns: int, drift: float) -> _Offset:
    """Return the interval of the clocks' difference at the edge, each echo widened by the drift since then.

    Clocks that jumped within one side leave no intersection; the interval then spans the contradiction.
    """
    aged = [
        (send, receive, guest, drift * max(abs(send - edge_ns), abs(receive - edge_ns)))
        for send, receive, guest in echoes
    ]
    low_ns = max(send - guest - slack for send, receive, guest, slack in aged)
    high_ns = min(receive - guest + slack for send, receive, guest, slack in aged)
    return _Offset(min(low_ns, high_ns), max(low_ns, high_ns))


def _jump(
    before: Sequence[tuple[int, int, int]], after: Sequence[tuple[int, int, int]], stop_ns: int, resume_ns: int
) -> Downtime | None:
    """Return how far the clocks' difference jumped from one side to the other."""
    if not before or not after:
        return None
    drift = _drift(before, GUEST_DRIFT_LIMIT)
    old = _intersection(before, stop_ns, drift)
    new = _intersection(after, resume_ns, _drift(after, drift + HOST_DRIFT_LIMIT))
    # A clock that stops cannot jump the other way.
    low_ns, high_ns = max(0.0, new.low_ns - old.high_ns), max(0.0, new.high_ns - old.low_ns)
    return Downtime((low_ns + high_ns) / 2 / NS_PER_MS, (high_ns - low_ns) / 2 / NS_PER_MS)


def _sides(answered: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """Return a time at which the guest had not yet stopped and one at which it ran again, from its clock alone.

    The first and the last echoes tell the clocks' difference before and after. An echo that is certainly below the
    middle of the two came back before the blackout, one that is certainly above it came back after it.
    """
    old = _intersection(answered[:SIDE_ECHOES], 0, 0.0)
    new = _intersection(answered[-SIDE_ECHOES:], 0, 0.0)
    middle_ns = (old.low_ns + old.high_ns + new.low_ns + new.high_ns) / 4
    stop_ns = max((receive for send, receive, guest in answered if receive - guest < middle_ns), default=answered[0][1])
    resume_ns = min((receive for send, receive, guest in answered if send - guest > middle_ns), default=answered[-1][0])
    return stop_ns + EDGE_NS + 1, resume_ns - EDGE_NS - 1
