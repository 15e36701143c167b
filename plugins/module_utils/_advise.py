# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice for a guest that runs: its writing and the link are measured, and nothing is changed or moved."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils import _advice
from ansible_collections.stsm.live_migration.plugins.module_utils._commands import commands
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host, HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._dirtying import Observed
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, SiteGuest
from ansible_collections.stsm.live_migration.plugins.module_utils._models import stream_mib_per_second
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import measure_link, obstacles_of
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Link, Scenario, Workload
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import read_choice
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed, open_testbed

MODES = ("page-sampling", "dirty-bitmap", "dirty-ring")
SHORT_SECONDS, SHORT_TIMES = 1, 3
# The calculation's own limit.
MOST_SECONDS = 60
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Question:
    """What an operator asks: of which guest, over which link, how it is measured, and which limits are to be kept.

    mode is None for the best that the guest allows.
    """

    guest: str
    link: Link
    strategies: Sequence[str] = _advice.MODELLED
    seconds: int = 8
    mode: str | None = None
    downtime_limit_ms: int = 300
    time_limit_seconds: float = 120.0
    permits_post_copy: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be asked, in one sentence."""
        if not SHORT_SECONDS < self.seconds <= MOST_SECONDS:
            raise InstrumentError(
                f"seconds is {self.seconds}, but a dirty rate is calculated over {SHORT_SECONDS + 1} to {MOST_SECONDS}"
                " s: set such a time, longer than the guest takes to write all that it writes."
            )
        for name in self.strategies:
            if name not in _advice.MODELLED:
                known = ", ".join(_advice.MODELLED)
                raise InstrumentError(f"strategies has {name}, of which there is no model: take some of {known}.")


def advise(hosts: Sequence[Host], holder: str, question: Question) -> dict[str, Any]:
    """Return the module's result: what was measured, what each strategy is expected to take, and what to do."""
    with open_testbed(hosts, holder) as testbed:
        source, destination = _ends(testbed, question.guest)
        persistent = testbed.locate(question.guest)[source.host.name]["persistent"]
        told = source.call("describe_guest", guest=question.guest)
        mode = _mode(question, told)
        observed = _observe(source, question, told, mode)
        link = question.link
        if link.payload_mbit_per_second is None:
            way = f"{source.host.name} to {destination.host.name}"
            measured = min(measure_link(testbed)[way], link.rate_mbit_per_second)
            link = replace(link, payload_mbit_per_second=measured)
        scenarios = [_scenario(question, name, link, told) for name in question.strategies]
        own = [replace(scenario, guest=SiteGuest(question.guest)) for scenario in scenarios]
        obstacles = obstacles_of(testbed, own)
    found = [
        replace(option, obstacle=obstacle)
        for option, obstacle in zip(_advice.options(scenarios, lambda s: _advice.expected_of(s, observed)), obstacles)
    ]
    advice = _advice.advise(found, question.permits_post_copy)
    return {
        "source": source.host.name,
        "destination": destination.host.name,
        "guest": _guest_facts(told, observed, mode),
        "payload_mbit_per_second": link.payload_mbit_per_second,
        "strategies": [_option_facts(one, observed, destination.host, persistent) for one in found],
        "advice": None if advice.chosen is None else advice.chosen.name,
        "sentence": advice.sentence,
    }


def _ends(testbed: Testbed, guest: str) -> tuple[HostConnection, HostConnection]:
    """The host where the guest runs, and the other one."""
    found = testbed.locate(guest)
    names = [connection.host.name for connection in testbed.connections]
    running = [name for name in names if found.get(name, {}).get("state") == "running"]
    if len(running) != 1:
        where = f"runs on both {' and '.join(names)}" if running else f"runs neither on {' nor on '.join(names)}"
        raise InstrumentError(f"The guest {guest} {where}: name one that runs on one of them.")
    source = next(connection for connection in testbed.connections if connection.host.name == running[0])
    return source, next(connection for connection in testbed.connections if connection is not source)


def _mode(question: Question, told: Mapping[str, Any]) -> str:
    """How to measure: exactly where that is possible, and else by a sample of the pages."""
    if question.mode is None:
        if told["accelerator"] != "kvm":
            return "page-sampling"
        return "dirty-ring" if told["has_dirty_ring"] else "dirty-bitmap"
    if question.mode != "page-sampling" and told["accelerator"] != "kvm":
        raise InstrumentError(
            f"mode is {question.mode}, but the processor of {question.guest} is emulated, of which QEMU counts only"
            " sampled pages: set page-sampling."
        )
    return question.mode


def _observe(source: HostConnection, question: Question, told: Mapping[str, Any], mode: str) -> Observed:
    """Measure a few short times and a long one."""

    def dirtied_mib(seconds: int) -> float:
        wanted: dict[str, Any] = {"guest": question.guest, "seconds": seconds, "mode": mode}
        waiter = source.begin("measure_dirtied", **wanted)
        return float(source.finish(waiter, "measure_dirtied", seconds + _PATIENCE_SECONDS))

    memory_mib = float(told["memory_mib"])
    short_mib = [dirtied_mib(SHORT_SECONDS) for _time in range(SHORT_TIMES)]
    return Observed(
        memory_mib=memory_mib,
        touched_mib=float(told["touched_mib"] or memory_mib),
        short_seconds=SHORT_SECONDS,
        short_mib=short_mib,
        long_seconds=question.seconds,
        long_mib=dirtied_mib(question.seconds),
        is_sampled=mode == "page-sampling",
    )


def _scenario(question: Question, strategy: str, link: Link, told: Mapping[str, Any]) -> Scenario:
    """The scenario of a strategy; what the guest does to its memory is put in by what was measured."""
    limits = {} if STRATEGIES[strategy].uses_postcopy else {"downtime_limit_ms": question.downtime_limit_ms}
    return Scenario(
        guest=Guest(
            question.guest, round(told["memory_mib"]), vcpus=int(told["vcpus"]), accelerator=str(told["accelerator"])
        ),
        workload=Workload(1, 0.0, "idle"),
        link=link,
        strategy=read_choice({"name": strategy, **limits}),
        time_limit_seconds=question.time_limit_seconds,
    )


def _guest_facts(told: Mapping[str, Any], observed: Observed, mode: str) -> dict[str, Any]:
    ranges = {
        name: dict(zip(("centre", "low", "high"), (round(value, 1) for value in found)))
        for name, found in observed.ranges().items()
    }
    return {
        **told,
        "touched_mib": round(observed.touched_mib, 1),
        **ranges,
        "mode": mode,
        "dirtied_mib": [
            *({"seconds": observed.short_seconds, "mib": mib} for mib in observed.short_mib),
            {"seconds": observed.long_seconds, "mib": observed.long_mib},
        ],
        "rate_is_at_least": observed.is_saturated,
    }


def _option_facts(option: _advice.Option, observed: Observed, destination: Host, persistent: bool) -> dict[str, Any]:
    first_pass_seconds = observed.touched_mib / stream_mib_per_second(option.scenario)
    times = {
        f"{name}_ms": None if found is None else {key: round(value, 1) for key, value in asdict(found).items()}
        for name, found in (
            ("total_time", option.outlook.total_ms),
            ("downtime", option.outlook.downtime_ms),
            ("brownout", option.outlook.brownout_ms),
        )
    }
    return {
        "name": option.name,
        "obstacle": option.obstacle or None,
        "probability": option.outlook.probability,
        **times,
        "commands": commands(option.scenario, destination, persistent, first_pass_seconds),
    }
