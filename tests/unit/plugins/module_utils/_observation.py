# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic guests and observations whose truth is known: good ones, into which the tests put faults."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES

MS = 1_000_000
PERIOD = 5 * MS

# The run's calendar in milliseconds after asking libvirt: the stream begins, the guest stops, …
ACTIVE, STOP, RESUME, COMPLETED, END, LAST = 700, 3_400, 3_482, 4_150, 4_200, 5_300
BASE = 5_000_000_000_000
BYTES_PER_MS = 119_000
PAYLOAD_MBIT_PER_SECOND = 956.5


@dataclass
class SyntheticGuest:
    """A guest that stops once, and the probe that watches it. All times in ns; the trip lists repeat."""

    pause: int
    start: int = 1_000_000_000_000
    quiet: int = 2_100 * MS
    after: int = 2_100 * MS
    stop_phase: int = 0
    queues: bool = True
    there: list[int] = field(default_factory=lambda: [400_000])
    back: list[int] = field(default_factory=lambda: [600_000])
    send_late: list[int] = field(default_factory=lambda: [0])
    boot: int = 123_456_789
    drift: float = 0.0
    new_drift: float = 0.0
    slow_start: int = 0

    @property
    def stop(self) -> int:
        """When the guest stops."""
        return self.start + self.quiet + self.stop_phase

    @property
    def resume(self) -> int:
        """When it runs again."""
        return self.stop + self.pause

    def clock(self, at: int) -> int:
        """Return the guest's clock at an observer's time, at which the guest runs."""
        ran = min(at, self.stop) - self.start
        later = max(0, at - self.resume)
        return round(self.boot + ran * (1 + self.drift) + later * (1 + self.new_drift))

    def echoes(self) -> list[list[int | None]]:
        """Return what the probe sees; with slow_start the guest answers only some time after it runs again."""
        seen: list[list[int | None]] = []
        trips = zip(itertools.cycle(self.there), itertools.cycle(self.back), itertools.cycle(self.send_late))
        for index in range((self.quiet + self.pause + self.after) // PERIOD):
            there, back, late = next(trips)
            send = self.start + index * PERIOD + late
            arrival = send + there
            if self.stop < arrival < self.resume:
                if not self.queues:
                    seen.append([send, None, None, None])
                    continue
                arrival = self.resume
            answered = arrival
            if self.resume <= arrival < self.resume + self.slow_start:
                answered = self.resume + self.slow_start
            seen.append([send, answered + back, self.clock(arrival), 0])
        return seen


def at(milliseconds: float) -> int:
    """Return an observer's time from milliseconds after asking for the migration."""
    return BASE + round(milliseconds * MS)


def event(host: str, name: str, milliseconds: float, **data: Any) -> dict[str, Any]:
    """Return one event of a VMM."""
    return {"host": host, "event": name, "at_ns": at(milliseconds), "data": data}


def host_facts(name: str) -> dict[str, Any]:
    """Return the facts of a host."""
    return {
        "name": name,
        "kernel": "6.12.43+deb13-amd64",
        "cpu_model": "AMD EPYC",
        "qemu_version": "10.1.2",
        "libvirt_version": "11.3.0",
        "qemu_build_id": "a" * 40,
        "libvirt_build_id": "b" * 40,
        "concessions": ["libvirt-without-namespaces"],
        "sysctls": {"vm.unprivileged_userfaultfd": "0"},
        "nic": {"name": "migration", "mtu": 1500},
    }


def scenario(strategy: str = "hybrid", dirty_rate_of_link: float = 0.25, **top: Any) -> dict[str, Any]:
    """Return a validated scenario."""
    asked = {
        "workload": {"working_set_mib": 256, "dirty_rate_of_link": dirty_rate_of_link},
        "link": {"rate_mbit_per_second": 1000, "payload_mbit_per_second": PAYLOAD_MBIT_PER_SECOND},
        "strategy": {"name": strategy},
        **top,
    }
    return Scenario.from_dict(asked).to_dict()


def statistics(milliseconds: float, requests: int) -> dict[str, Any]:
    """Return the source's statistics some time into the stream."""
    sent = round(max(0.0, milliseconds - ACTIVE) * BYTES_PER_MS)
    constant = min(60_000, sent // 4_000)
    pages = (sent - 9 * constant) // 4_104
    return {
        "time_elapsed_ms": round(milliseconds),
        "memory_total_bytes": 555_000_000,
        "memory_processed_bytes": sent,
        "memory_remaining_bytes": 100_000_000,
        "memory_constant_pages": constant,
        "memory_normal_pages": pages,
        "memory_normal_bytes": pages * 4096,
        "memory_dirty_rate_pages_per_second": 7_600,
        "memory_iteration": 1 if milliseconds < STOP else 2,
        "memory_bytes_per_second": BYTES_PER_MS * 1000,
        "memory_page_size_bytes": 4096,
        "memory_postcopy_requests": requests,
        "setup_time_ms": 16,
        "downtime_ms": 7,
    }


def report(start_ms: float, rate_mib_per_second: float, until_ms: float, clock: SyntheticGuest) -> dict[str, Any]:
    """Return the guest's report of a window; after the blackout it does half of its work for 300 ms."""
    start_ns, end_ns = clock.clock(at(start_ms)), clock.clock(at(until_ms))
    stopped_ns = clock.clock(at(STOP))
    series = []
    for bin_start in range(start_ns, end_ns, 10 * MS):
        slow = stopped_ns <= bin_start < stopped_ns + 300 * MS
        series.append(rate_mib_per_second / 100 * (0.5 if slow else 1.0))
    return {
        "kind": "report",
        "window_start_ns": start_ns,
        "window_ns": end_ns - start_ns,
        "touched_pages": round(sum(series) * 256),
        "achieved_mib_per_second": rate_mib_per_second * 0.999,
        "grain_ms": 10,
        "series_start_ns": start_ns,
        "series_mib": series,
        "latency_log2_ns": [0] * 8 + [7_000, 400, 30, 2] + [0] * 29,
        "longest_touch_ns": 41_000_000,
        "pauses": [],
    }


def observation(strategy: str = "hybrid", dirty_rate_of_link: float = 0.25, **top: Any) -> dict[str, Any]:
    """Return a good run: 82 ms of blackout, 300 ms of brownout, 3.45 s of stream at the link's payload rate."""
    asked = scenario(strategy, dirty_rate_of_link, **top)
    rate = asked["workload"]["dirty_rate_mib_per_second"]
    row = STRATEGIES[strategy]
    postcopy = row.uses_postcopy
    stop = ACTIVE - 20 if strategy == "stop-and-copy" else STOP
    resume = COMPLETED + 20 if strategy == "stop-and-copy" else RESUME if postcopy else COMPLETED + 2
    stop = resume - (RESUME - STOP) if not postcopy and strategy != "stop-and-copy" else stop
    guest = SyntheticGuest(
        start=at(-2_200),
        quiet=(2_200 + stop) * MS,
        pause=(resume - stop) * MS,
        after=(LAST - resume) * MS,
        queues=False,
        there=[400_000, 900_000, 450_000, 500_000],
        back=[600_000, 700_000, 1_900_000],
    )
    requests = 1_234 if postcopy else 0
    events = [
        event("source", "MIGRATION", 690, status="setup"),
        event("source", "MIGRATION", ACTIVE, status="active"),
        event("source", "MIGRATION_PASS", ACTIVE, **{"pass": 1}),
        event("source", "STOP", stop),
        event("destination", "RESUME", resume),
        event("source", "MIGRATION", COMPLETED, status="completed"),
    ]
    if postcopy:
        events.append(event("source", "MIGRATION", STOP + 1, status="postcopy-active"))
        events.append(event("source", "MIGRATION_PASS", STOP - 20, **{"pass": 2}))
    nic = [{"at_ns": at(t), "rx_bytes": 0, "tx_bytes": 0} for t in range(-2_200, LAST, 50)]
    for sample, milliseconds in zip(nic, range(-2_200, LAST, 50), strict=False):
        streamed = min(max(0, milliseconds - ACTIVE), COMPLETED - ACTIVE)
        sample["tx_bytes"] = sample["rx_bytes"] = 10_000 + round(streamed * BYTES_PER_MS * 1.01)
    return {
        "scenario": asked,
        "started_at": "2026-11-22T12:00:00Z",
        "hosts": {"source": host_facts("compute1"), "destination": host_facts("compute2")},
        "clocks": {
            end: {"offset_ns": 5_000, "bound_ns": 120_000, "drift_ns": 8_000} for end in ("source", "destination")
        },
        "stages": {"prepare": 0.31, "warm_up": 2.2, "migration": 4.2, "cool_down": 1.4, "verify": 0.1},
        "group": {
            "guest": "stsm-guest",
            "start_ns": at(0),
            "end_ns": at(END),
            "transferred_bytes": statistics(COMPLETED, requests)["memory_processed_bytes"],
            "disk_bytes": None,
        },
        "background": None,
        "migration": {
            "start_ns": at(0),
            "end_ns": at(END),
            "switch_requested_ns": at(STOP - 10) if postcopy else None,
            "abort_reason": None,
            "error": None,
            "qemu": {
                "capabilities": ["events", *row.qmp_capabilities, "return-path"],
                "parameters": {"downtime-limit": 1 if postcopy else 300, **row.qmp_parameters(row.defaults)},
                "statistics": {"status": "postcopy-active" if postcopy else "active"},
                "connections": 0 if "tunnel" in row.features else 1 + row.defaults.get("channels", 1),
            },
            "resumes": [],
        },
        "events": sorted(events, key=lambda row: row["at_ns"]),
        "job_series": [
            {"at_ns": at(t), **statistics(t, requests if t > STOP else 0)} for t in range(ACTIVE, COMPLETED, 50)
        ],
        "completed": statistics(COMPLETED, requests),
        "destination_statistics": {
            "postcopy-blocktime": 190,
            "postcopy-vcpu-blocktime": [400],
            "postcopy-latency": 310_000,
            "postcopy-latency-dist": [0, 0, 1, 2, 2, 3, 169, 851, 176, 97, 42, 4, 3, 8] + [0] * 10,
        }
        if postcopy
        else {},
        "network": {"source": nic, "destination": [dict(sample) for sample in nic]},
        "threads": {
            "source": [
                {
                    "at_ns": at(t),
                    "cpu_seconds": {"CPU 0/TCG": 10 + t / 4_000, **({"live_migration": t / 5_000} if t > 0 else {})},
                    # As if all went through it, which only a tunnel's does.
                    "daemon": {"cpu_seconds": 1 + max(0, t) / 9_000, "read_bytes": max(0, t) * BYTES_PER_MS},
                }
                for t in range(-2_200, resume, 50)
            ],
            "destination": [
                {
                    "at_ns": at(t),
                    "cpu_seconds": {"CPU 0/TCG": (t - 600) / 10_000},
                    "daemon": {"cpu_seconds": 1 + t / 9_000},
                }
                for t in range(600, LAST, 50)
            ],
        },
        "echoes": guest.echoes(),
        "guest": {
            "warm_up": report(-2_100, rate, -100, guest),
            "window": report(-90, rate, LAST, guest),
            "verified": {
                "kind": "verified",
                "pages": 65_536,
                "wrong_count": 0,
                "wrong": [],
                "disk_pages": 0,
                "wrong_disk_count": 0,
                "duration_ms": 15,
            },
        },
        "guest_location": "destination",
        "calibration": [
            {
                "pause_ms": pause,
                "truth_ms": [pause, pause + 1],
                **{point: {"value_ms": pause, "uncertainty_ms": 2} for point in ("events", "guest", "network")},
                "within": {"events": True, "guest": True, "network": True},
            }
            for pause in (0, 50, 500, 5_000)
        ],
    }


def not_converged(strategy: str = "pre-copy", dirty_rate_of_link: float = 1.6) -> dict[str, Any]:
    """Return a run that its time limit ended: the guest never stopped and stays on the source."""
    seen = observation(strategy, dirty_rate_of_link)
    guest = SyntheticGuest(start=at(-2_200), quiet=(2_200 + LAST) * MS, pause=0, after=0)
    seen["migration"].update(abort_reason="time-limit", error="operation aborted: migration out: canceled by client")
    kept = [row for row in seen["events"] if row["event"] not in ("STOP", "RESUME")]
    kept = [row for row in kept if row["data"].get("status") not in ("completed", "postcopy-active")]
    seen.update(
        events=[*kept, event("source", "MIGRATION", END - 5, status="cancelled")],
        completed=None,
        destination_statistics={},
        echoes=guest.echoes(),
        guest_location="source",
    )
    return seen


def site_guest() -> dict[str, Any]:
    """Return a good run of a site's own guest: no workload, no channel, no echoes."""
    seen = observation("hybrid")
    seen["scenario"] = scenario("hybrid", guest={"domain": "web-1"}, workload=None)
    seen["guest"] = {"warm_up": None, "window": None, "verified": None}
    seen["group"]["guest"] = "web-1"
    seen.update(echoes=[], calibration=[])
    return seen


def three_guests() -> dict[str, Any]:
    """Return a good run of the second of three guests that moved at once; the others sent as much as it did."""
    seen = observation("hybrid", guests=3)
    # Three share the link, so each sends a third of what it would alone.
    for row in (*seen["job_series"], seen["completed"]):
        for key in ("memory_processed_bytes", "memory_normal_bytes", "memory_bytes_per_second"):
            row[key] //= 3
    seen["group"].update(guest="stsm-guest-2", start_ns=at(-3), end_ns=at(END + 40))
    seen["scenario"]["workload"]["working_set_mib"] = 64
    seen["guest"]["verified"]["pages"] = 16_384
    return seen


def loaded(cpu_percent: float = 30, link_mbit_per_second: float = 160) -> dict[str, Any]:
    """Return a good run beside a load of 30 % of all processors and 160 Mbit/s; both ends found what is given."""
    seen = observation("hybrid", background={"cpu_percent": 30, "link_mbit_per_second": 160})
    # What the stream takes in 4.2 s is missing to the migration: a fifth.
    for row in (*seen["job_series"], seen["completed"]):
        for key in ("memory_processed_bytes", "memory_normal_bytes", "memory_bytes_per_second"):
            row[key] = row[key] * 4 // 5
    seen["group"]["transferred_bytes"] = seen["completed"]["memory_processed_bytes"]
    seen["background"] = {
        "cpu_percent": {"source": cpu_percent, "destination": cpu_percent},
        "link_mbit_per_second": link_mbit_per_second,
    }
    return seen
