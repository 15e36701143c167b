# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators of the run: what was asked for really happened, could be measured, and left the guest whole."""

from __future__ import annotations

from dataclasses import fields

from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import GuestDisk
from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    ENDS,
    Finding,
    Observation,
    clock_bounds_ns,
    edges,
    largest,
    ran_own_guest,
    statistics,
    status_times_ns,
    succeeded,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._outcome import FATES, MEASURED, decide
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import BACKGROUND_SHARE, DIRTY_RATE_SHARE
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import downtimes
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import CLOCK_BOUND_MS

PAGES_PER_MIB = 256
# Among the events of both ends are the faults that were asked for.
FAULT_EVENT = "STSM_FAULT"


def ended(observation: Observation) -> Finding:
    """The migration came to an end that is a measurement; if a QEMU was to be killed, the guest's fate is one."""
    outcome, reason = decide(observation)
    return Finding("ended", outcome in (*MEASURED, *(FATES if _has_killed(observation) else ())), reason)


def fault_struck(observation: Observation) -> Finding:
    """The fault that was asked for struck, as often as it was to."""
    name, fault = "fault_struck", observation["scenario"].get("fault")
    if not fault:
        return Finding(name, None, "No fault was asked for.")
    told = [event["data"] for event in observation["events"] if event["event"] == FAULT_EVENT]
    struck, wanted = sum(data["state"] == "begun" for data in told), 2 if fault["at"] == "recovery" else 1
    why = "".join(f" ({data['reason'].rstrip('.')})" for data in told if data["state"] == "failed")
    times = f"{struck} of {wanted} times"
    return Finding(name, struck == wanted, f"The fault {fault['kind']} at {fault['at']} struck {times}{why}.")


def _has_killed(observation: Observation) -> bool:
    """Return whether a QEMU was killed as it was asked for."""
    return any(event["event"] == FAULT_EVENT and event["data"].get("kind") == "kill" for event in observation["events"])


def one_host(observation: Observation) -> Finding:
    """The guest runs on exactly one host."""
    location = observation["guest_location"]
    if location == "none" and _has_killed(observation):
        return Finding("one_host", None, "The guest was lost with a QEMU that was to be killed.")
    words = {"both": "The guest runs on both hosts.", "none": "The guest runs on neither host."}
    return Finding(
        "one_host", location in ENDS, words.get(location, f"The guest runs on the {location} and nowhere else.")
    )


def strategy_happened(observation: Observation) -> Finding:
    """The migration went the way that its strategy's name says."""
    strategy = STRATEGIES[observation["scenario"]["strategy"]["name"]]
    if not succeeded(observation):
        return Finding("strategy_happened", None, f"The {strategy.name} migration did not complete.")
    if strategy.uses_postcopy:
        return _postcopy_happened(observation, strategy.name)
    if "postcopy-active" in status_times_ns(observation):
        return Finding("strategy_happened", False, f"The {strategy.name} migration entered post-copy.")
    times, stopped = status_times_ns(observation), edges(observation)
    if stopped is None or "active" not in times:
        return Finding(
            "strategy_happened", False, "The events do not show when the guest stopped and the stream began."
        )
    ahead_ms = (times["active"] - stopped.stop_ns) / 1e6
    order = "before" if ahead_ms >= 0 else "after"
    sentence = f"The guest stopped {abs(ahead_ms):.0f} ms {order} the first byte was sent."
    return Finding("strategy_happened", strategy.suspends_first == (ahead_ms >= 0), sentence)


def _postcopy_happened(observation: Observation, strategy: str) -> Finding:
    """Return whether the guest fetched pages after it moved; a hybrid that never had to is named."""
    name = "strategy_happened"
    entered = "postcopy-active" in status_times_ns(observation)
    requests = largest(observation, "memory_postcopy_requests") or 0
    if not entered:
        when = (
            "before the switch was due"
            if observation["migration"]["switch_requested_ns"] is None
            else "before the switch took effect"
        )
        return Finding(
            name, False, f"The {strategy} migration was in fact pre-copy: it converged {when}, with no page request."
        )
    if not requests:
        # A guest that dirties memory at a known rate must miss some; of one that may be idle nothing can be said.
        dirties = bool((observation["scenario"]["workload"] or {}).get("dirty_rate_mib_per_second"))
        return Finding(
            name, not dirties, f"The {strategy} migration entered post-copy, and the destination requested no page."
        )
    return Finding(name, True, f"Post-copy was entered and the destination requested {requests} pages.")


def dirty_rate(observation: Observation) -> Finding:
    """The workload dirtied memory at the rate that was asked for, in the window before the migration."""
    name = "dirty_rate"
    workload = observation["scenario"]["workload"]
    wanted = (workload or {}).get("dirty_rate_mib_per_second")
    if not wanted:
        return Finding(name, None, "No dirty rate was asked for.")
    report = observation["guest"]["warm_up"]
    if report is None:
        return Finding(name, False, "The guest did not report its dirty rate.")
    achieved = report["achieved_mib_per_second"]
    off = achieved / wanted - 1
    sentence = f"{wanted:.2f} MiB/s were asked for and {achieved:.2f} MiB/s achieved ({off:+.1%})"
    if report["pauses"]:
        longest_ms = max(pause["length_ns"] for pause in report["pauses"]) / 1e6
        sentence += (
            f", in a window with {len(report['pauses'])} pauses of the machine, the longest of {longest_ms:.0f} ms"
        )
    return Finding(name, abs(off) <= DIRTY_RATE_SHARE, sentence + ".")


def background(observation: Observation) -> Finding:
    """The load beside the migration was there, on both hosts' processors and on the link."""
    name = "background"
    asked, seen = observation["scenario"]["background"], observation["background"]
    cpu_percent, stream = asked["cpu_percent"], asked["link_mbit_per_second"]
    if not cpu_percent and not stream:
        return Finding(name, None, "No load beside the migration was asked for.")
    if seen is None:
        return Finding(name, False, "What load there was beside the migration is not known.")
    told, held = [], []
    for end in ENDS if cpu_percent else ():
        share = seen["cpu_percent"][end]
        told.append(f"{share:.1f} % of the {end}'s processors instead of {cpu_percent:g} %")
        held.append(abs(share - cpu_percent) <= BACKGROUND_SHARE * cpu_percent)
    if stream:
        found = seen["link_mbit_per_second"]
        told.append(f"{found:.1f} Mbit/s of the link instead of {stream:g}")
        held.append(abs(found - stream) <= BACKGROUND_SHARE * stream)
    return Finding(name, all(held), f"The load beside the migration took {', '.join(told)}.")


def clocks_bounded(observation: Observation) -> Finding:
    """The hosts' clocks are known well enough to compare events of both."""
    worst_ms = max(clock_bounds_ns(observation).values()) / 1e6
    return Finding(
        "clocks_bounded",
        worst_ms <= CLOCK_BOUND_MS,
        f"The hosts' clocks are known to {worst_ms:.3f} ms; at most {CLOCK_BOUND_MS:g} ms are allowed.",
    )


def memory_verified(observation: Observation) -> Finding:
    """Each page of the guest's working set holds what the guest last wrote there."""
    name = "memory_verified"
    if not ran_own_guest(observation):
        return Finding(name, None, "A site's own guest does not verify its memory.")
    if observation["guest_location"] == "none" and _has_killed(observation):
        return Finding(name, None, "The guest was lost with a QEMU that was to be killed.")
    verified = observation["guest"]["verified"]
    if verified is None:
        return Finding(name, False, "The guest did not verify its memory after the migration.")
    if verified["wrong_count"]:
        first = verified["wrong"][0]
        pages = ", ".join(str(wrong["page"]) for wrong in verified["wrong"])
        generations = f"generation {first['found_generation']} instead of {first['expected_generation']}"
        return Finding(
            name,
            False,
            f"{verified['wrong_count']} of {verified['pages']} pages are wrong: page {pages}"
            f" (the first: {first['reason']}, {generations}).",
        )
    expected = observation["scenario"]["workload"]["working_set_mib"] * PAGES_PER_MIB
    if verified["pages"] != expected:
        return Finding(
            name, False, f"The guest verified {verified['pages']} pages, but its working set has {expected}."
        )
    return Finding(name, True, f"All {verified['pages']} pages hold what the guest wrote.")


def disk_verified(observation: Observation) -> Finding:
    """What the guest wrote to its disk before it moved is there."""
    name = "disk_verified"
    asked = observation["scenario"]["guest"]
    verified = observation["guest"]["verified"] if ran_own_guest(observation) else None
    disk = GuestDisk(**{key.name: asked[key.name] for key in fields(GuestDisk)}) if "disk_gib" in asked else None
    if disk is None or not disk.written_mib or verified is None:
        return Finding(name, None, "No guest verified what it wrote to a disk.")
    wrong, pages, expected = verified["wrong_disk_count"], verified["disk_pages"], disk.written_mib * PAGES_PER_MIB
    if wrong:
        return Finding(name, False, f"{wrong} of the {pages} pages that the guest wrote to its disk are wrong.")
    if pages != expected:
        return Finding(name, False, f"The guest verified {pages} pages of its disk, but was to write {expected}.")
    return Finding(name, True, f"All {pages} pages that the guest wrote to its disk are there.")


def vantage_points(observation: Observation) -> Finding:
    """All vantage points saw the downtime, and none saw less than it can: events <= guest <= network.

    A site's own guest does not tell its clock, so that there the network follows on the events.
    """
    name = "vantage_points"
    if not succeeded(observation):
        return Finding(name, None, "The guest did not move, so there is no downtime to see.")
    seen = downtimes(observation)
    if not observation["echoes"] and seen["events"] is not None:
        return Finding(name, None, "The network was not probed; the events alone show the downtime.")
    if not ran_own_guest(observation):
        del seen["guest"]
        if not any(echo[1] is not None for echo in observation["echoes"]):
            return Finding(
                name,
                False,
                "The guest never answered an ICMP echo request: correct guest_address, let the guest's packet filter "
                "admit the observer, or leave guest_address out.",
            )
    missing = [point for point, downtime in seen.items() if downtime is None]
    if missing:
        return Finding(name, False, f"The downtime was not seen by: {', '.join(missing)}.")
    points = [(point, downtime) for point, downtime in seen.items() if downtime is not None]
    told = ", ".join(
        f"{point} {downtime.value_ms:.1f} +- {downtime.uncertainty_ms:.1f} ms" for point, downtime in points
    )
    for (lesser, low), (greater, high) in zip(points, points[1:]):
        late_ms = _late_stop_of_clock_ms(observation) if greater == "guest" else 0.0
        if low.low_ms > high.high_ms + late_ms:
            return Finding(name, False, f"The downtime by {lesser} is longer than by {greater}: {told}.")
    return Finding(name, True, f"The downtime is in order: {told}.")


def _late_stop_of_clock_ms(observation: Observation) -> float:
    """How long at most a guest's clock ran on after the guest stood still.

    On KVM it does until QEMU saves it with the devices, which is within what QEMU calls the downtime.
    """
    on_kvm = observation["scenario"]["guest"].get("accelerator") == "kvm"
    return float(statistics(observation).get("downtime_ms") or 0.0) if on_kvm else 0.0


def calibrated(observation: Observation) -> Finding:
    """Each vantage point showed the known pauses of the calibration within its uncertainty."""
    name = "calibrated"
    rows = observation.get("calibration") or []
    if not rows:
        return Finding(name, None, "The vantage points were not calibrated.")
    wrong = [
        f"{point} at {row['pause_ms']:g} ms" for row in rows for point, within in row["within"].items() if not within
    ]
    if wrong:
        return Finding(name, False, f"Known pauses were not shown within the uncertainty: {', '.join(wrong)}.")
    return Finding(name, True, f"All vantage points showed {len(rows)} known pauses within their uncertainty.")
