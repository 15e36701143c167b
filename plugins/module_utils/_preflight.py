# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this pair of hosts do what will be asked of it?  Asked before the first run, each finding one sentence.

Hosts are asked first (:mod:`_checks._look`), the checks below judge the answers; a check is a pure function of what was
seen and what is asked.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _guest_storage
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._reach import MIGRATION_PORTS
from ansible_collections.stsm.live_migration.plugins.module_utils._checks import _host, _path, _stack
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._hold import hold
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._look import ask_offer, at_once, look
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import (
    Asked,
    Findings,
    Seen,
    finding,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._nova import _fit
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_gate import Wanted, obstacles
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed

LINK_PORT = MIGRATION_PORTS[1]
LINK_SECONDS = 2.0
_LINK_TRIES = 3
NOTHING = Asked()


@dataclass(frozen=True)
class _Check:
    """A judgement and the answers that it needs; a question that got none is the finding instead, under this name."""

    name: str
    needs: tuple[str, ...]
    judge: Callable[..., Findings]


# Each host by itself: judge(seen, asked).
_OF_A_HOST = (
    _Check("clock", ("clock",), _host.clock),
    _Check("post-copy", ("permission",), _host.post_copy),
    _Check("disk", ("survey",), _host.disk),
    _Check("accelerator", ("boot_proof",), _host.boot_proof),
    _Check("accelerator", ("survey",), _host.accelerator),
    _Check("mtu", (), _path.interface_mtu),
    _Check("concession", (), _host.concessions),
)
# From each host to its peer: judge(seen, peer, asked).
_OF_A_WAY = (
    _Check("name", ("peer_addresses", "addresses_of_peer"), _path.name),
    _Check("control connection", ("peer_reached",), _path.control_connection),
    _Check("tunnel", ("tunnel_reached",), _path.tunnel),
    _Check("certificate", ("certificate_ends",), _path.certificate),
    _Check("ports", ("listening",), lambda _seen, _peer, _asked: []),
    _Check("ports", ("knock",), _path.ports),
    _Check("mtu", ("knock",), _path.frames),
)
# Both together: judge(one, other, asked).
_OF_BOTH = (
    _Check("time of day", ("wall_offset_seconds",), _path.time_of_day),
    _Check("accelerator", (), _host.choice),
    _Check("versions", (), _stack.versions),
    _Check("capabilities", ("survey",), _stack.capabilities),
    _Check("strategy", ("offer",), _stack.strategies),
    _Check("machine", ("survey",), _stack.machine),
    _Check("processor", ("survey",), _stack.processor),
    _Check("memory", ("survey", "clock"), _stack.memory),
    _Check("huge pages", ("survey", "clock"), _stack.huge_pages),
    _Check("encryption", (), _path.encryption),
)


@dataclass
class Examination:
    """What was found of a pair; facts and payload as far as there are any."""

    findings: Findings
    facts: dict[str, dict[str, Any]]
    payload_mbit_per_second: dict[str, float] | None
    # What the guest that is asked for is to run on; None without one, or if a host could not be had.
    accelerator: str | None = None


def examine(testbed: Testbed, asked: Asked = NOTHING) -> Findings:
    """All findings of two hosts that are held already, but the link's."""
    facts = [testbed.facts[connection.host.name] for connection in testbed.connections]
    return _judge(*look(testbed.connections, facts, asked))


def examine_hosts(hosts: Sequence[Host], holder: str, asked: Asked) -> Examination:
    """Connect to both hosts and examine them; a host that cannot be had is a finding, and the other one is examined."""
    examination = Examination(_observer(asked), {}, None)
    with contextlib.ExitStack() as stack:
        connections = []
        for held in hold(hosts, holder, stack):
            if held.connection is None or held.facts is None:
                examination.findings.append(finding("connection", held.host.name, False, held.refusal))
            else:
                connections.append(held.connection)
                examination.facts[held.host.name] = held.facts
        testbed = Testbed(connections, examination.facts)
        seen, asked = look(connections, list(examination.facts.values()), asked)
        examination.findings += _judge(seen, asked)
        if len(seen) == 2:
            examination.accelerator = asked.accelerator
        if asked.measures_link and len(seen) == 2 and all(_is_open(one) for one in seen):
            _examine_link(examination, testbed, seen, asked)
    return examination


def _observer(asked: Asked) -> Findings:
    """Is there room for the records, here where they will be written?"""
    if asked.results is None:
        return []
    folder = next(path for path in (asked.results, *asked.results.parents) if path.exists())
    return [_host.room("results", "the observer", str(asked.results), shutil.disk_usage(folder).free >> 20)]


def _judge(seen: Sequence[Seen], asked: Asked) -> Findings:
    """What the checks say to what was seen of one host or of two."""
    findings: Findings = []
    told = set()
    rounds: list[tuple[tuple[_Check, ...], list[Seen], tuple[Seen, ...]]] = [
        (_OF_A_HOST, [one], (one,)) for one in seen
    ]
    if len(seen) == 2:
        one, other = seen
        rounds += [
            (_OF_A_WAY, [one], (one, other)),
            (_OF_A_WAY, [other], (other, one)),
            (_OF_BOTH, [one, other], (one, other)),
        ]
    for checks, asked_hosts, parties in rounds:
        for check in checks:
            missing = [(host, need) for host in asked_hosts for need in check.needs if need not in host.answers]
            if not missing:
                findings += check.judge(*parties, asked)
            for host, need in missing:
                if need in host.refusals and (host.name, need) not in told:
                    told.add((host.name, need))
                    findings.append(finding(check.name, host.name, False, host.refusals[need]))
    return findings


def _is_open(seen: Seen) -> bool:
    return "knock" in seen.answers and not seen.answers["knock"]["refusals"]


def _examine_link(examination: Examination, testbed: Testbed, seen: Sequence[Seen], asked: Asked) -> None:
    one, other = seen
    try:
        directions = measure_link(testbed)
        for _try in range(_LINK_TRIES - 1):
            # A host that was busy for a moment is the usual cause; a link that is slow stays so.
            if not _path.is_less_than_the_link(min(directions.values()), asked, one.host.migration_address):
                break
            again = measure_link(testbed)
            directions = {way: max(rate, again[way]) for way, rate in directions.items()}
    except InstrumentError as error:
        examination.findings.append(finding("link", f"{one.name} and {other.name}", False, str(error)))
        return
    examination.payload_mbit_per_second = directions
    examination.findings += _path.link(directions, one, other, asked)


def require(testbed: Testbed, scenarios: Sequence[Scenario]) -> None:
    """Raise InstrumentError unless both ends can do what *scenarios* ask, and move the guests that run already."""
    for words in filter(None, obstacles_of(testbed, scenarios)):
        raise InstrumentError(words)


def obstacles_of(testbed: Testbed, scenarios: Sequence[Scenario]) -> list[str]:
    """For each scenario one sentence that says what keeps both ends from it; an empty one if they can."""
    seen = [Seen(c.host, {"facts": testbed.facts[c.host.name]}) for c in testbed.connections]
    names = sorted({scenario.strategy.name for scenario in scenarios})
    guests = [scenario.guest for scenario in scenarios if isinstance(scenario.guest, Guest)]
    # One that is on KVM, if any is, so that its dirty ring is tried, and the largest, so that all can be locked.
    asked = Asked(guest=max(guests, key=lambda guest: (guest.accelerator == "kvm", guest.memory_mib), default=None))
    at_once(lambda connection, one: ask_offer(connection, one, names, asked), testbed.connections, seen)
    for refusal in (words for one in seen for words in one.refusals.values()):
        raise InstrumentError(refusal)
    traits: dict[str, set[str]] = {}
    found: list[str] = []
    for scenario in scenarios:
        name = scenario.guest.name
        if name not in traits:
            traits[name] = {trait for state in testbed.locate(name).values() for trait in state["traits"]}
        on_kvm = isinstance(scenario.guest, Guest) and scenario.guest.accelerator == "kvm"
        wanted = Wanted(scenario.strategy.row, scenario.driver, scenario.strategy.recovers, traits[name])
        words = [words for _host, words in obstacles(wanted, *(_stack.end(s, on_kvm) for s in seen))]
        if not words and scenario.driver == "nova":
            words = _obstacles_of_nova(testbed, scenario)
        words = words or _guest_storage.obstacles(scenario, testbed.connections)
        found.append(words[0] if words else "")
    return found


def _obstacles_of_nova(testbed: Testbed, scenario: Scenario) -> list[str]:
    """What keeps the cloud's services from what the scenario asks; none if there is nothing."""
    try:
        testbed.required_cloud()
        given = {c.host.name: c.call("nova_options", names=list(_fit.DEFAULTS)) for c in testbed.connections}
    except InstrumentError as error:
        return [str(error)]
    return [words for host, options in given.items() for words in _fit.unfit(scenario, host, options)]


def require_room(testbed: Testbed, guest: Guest | SiteGuest, guests: int) -> None:
    """Raise InstrumentError unless both ends have the memory for so many guests; a site's own is there already."""
    if isinstance(guest, SiteGuest):
        return
    for found in examine(testbed, Asked(guest=guest, guests=guests)):
        if found["name"] == "memory" and not found["passed"]:
            raise InstrumentError(found["sentence"])


def measure_link(testbed: Testbed) -> dict[str, float]:
    """Payload in Mbit/s that one TCP stream gets over the migration network, by direction (``A to B``)."""
    return {
        f"{one.host.name} to {other.host.name}": _payload_mbit_per_second(one, other)
        for one, other in (testbed.connections, tuple(reversed(testbed.connections)))
    }


def _payload_mbit_per_second(sender: HostConnection, receiver: HostConnection) -> float:
    address = receiver.host.migration_address
    receiver.call("listen_link", address=address, port=LINK_PORT)
    patience_seconds = LINK_SECONDS + 15
    receiving = receiver.begin("receive_link", patience_seconds=patience_seconds)
    sending = sender.begin(
        "send_link",
        address=address,
        port=LINK_PORT,
        source_address=sender.host.migration_address,
        duration_seconds=LINK_SECONDS,
    )
    sender.finish(sending, "send_link", patience_seconds + 5)
    return round(float(receiver.finish(receiving, "receive_link", patience_seconds + 5)), 1)
