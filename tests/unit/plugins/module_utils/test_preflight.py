# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight says to what was seen of two hosts, above all of states that real hosts cannot be brought into."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.filter.left_to_change import left_to_change
from ansible_collections.stsm.live_migration.plugins.module_utils._checks import _host, _look, _path, _stack
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._asked import read_asked
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import Asked, Findings, Seen
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import ClockOffset, Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import (
    QMP_CAPABILITY_SINCE,
    QMP_PARAMETER_SINCE,
)

ASKED = Asked(link_rate_mbit_per_second=1000, link_mtu=1500, guest=Guest(), boot_limit_seconds=20)
OPTIONS: dict[str, Any] = {
    "link": {"measure": False, "rate_mbit_per_second": None, "mtu": None},
    "guest": None,
    "guests": 1,
    "strategies": [],
    "drivers": ["libvirt"],
    "results": None,
    "boot_limit_seconds": 20.0,
}


# As two hosts of the demonstration answered (Debian 13 with QEMU 11.1.3), less what no strategy sets.
OFFER: dict[str, Any] = {
    "capabilities": sorted(QMP_CAPABILITY_SINCE),
    "parameters": sorted(QMP_PARAMETER_SINCE),
    "refusals": {},
    "userfaultfd_by_libvirt": False,
    "missing_constants": [],
    "migration_features": ["live", "uri_transports"],
    "tls_refusal": None,
    "locks_memory": False,
}


def seen(number: int, **answers: Any) -> Seen:
    """One of two hosts of the same making, as preflight sees it; answers replace parts of what it says."""
    facts = {
        "qemu_version": "11.1.3",
        "libvirt_version": "11.3.0",
        "cpu_model": "EPYC",
        "nic": {"name": "migration", "mtu": 1500},
    }
    survey = {
        "available_memory_mib": 4096,
        "free_mib": {"/var/lib/libvirt": 9000},
        "free_huge_pages": {"2048": 300, "1048576": 0},
        "guests": [],
        "migration_capabilities": ["multifd", "postcopy-ram"],
        "machines": {"q35": "pc-q35-10.0", "pc-q35-10.0": "pc-q35-10.0"},
        "cpu_models": {"qemu64": [], "EPYC-Milan": ["vaes", "pku", "erms", "pcid"]},
        "accelerator_refusal": None,
    }
    host = Host(f"compute{number}", f"192.0.2.{number}", f"198.51.100.{number}")
    return Seen(
        host,
        {
            # Their clocks differ by what lies between two machines' starts.
            "clock": ClockOffset(number * 10**12, 100_000),
            "wall_offset_seconds": 0.0,
            "peer_addresses": ["192.0.2.9"],
            "addresses_of_peer": ["192.0.2.9"],
            "certificate_ends": time.time() + 300 * 86400,
            "knock": {"refusals": {}, "frame": {"segment_bytes": 1448, "arrived": True, "path_mtu": 1500}},
            **answers,
            "facts": {**facts, **answers.get("facts", {})},
            "survey": {**survey, **answers.get("survey", {})},
            "offer": {**OFFER, **answers.get("offer", {})},
        },
    )


def refused(findings: Findings) -> list[tuple[str, str]]:
    """The host and the sentence of each finding that did not pass."""
    return [(finding["host"], finding["sentence"]) for finding in findings if not finding["passed"]]


def test_two_equal_hosts_pass_everything() -> None:
    one, other = seen(1), seen(2)
    findings = [
        *(_host.clock(one, ASKED) + _host.disk(one, ASKED) + _host.accelerator(one, ASKED)),
        *(_path.interface_mtu(one, ASKED) + _path.name(one, other, ASKED) + _path.certificate(one, other, ASKED)),
        *(_path.ports(one, other, ASKED) + _path.frames(one, other, ASKED) + _path.time_of_day(one, other, ASKED)),
        *(_stack.versions(one, other, ASKED) + _stack.capabilities(one, other, ASKED)),
        *(_stack.strategies(one, other, ASKED) + _stack.machine(one, other, ASKED)),
        *(_stack.processor(one, other, ASKED) + _stack.memory(one, other, ASKED)),
    ]
    assert refused(findings) == []
    assert all(finding["sentence"].endswith(".") for finding in findings)


@pytest.mark.parametrize(
    ("check", "other", "asked", "host", "words"),
    [
        # The clocks of containers on one machine cannot be set apart.
        (_path.time_of_day, seen(2, wall_offset_seconds=-3600), ASKED, "compute1 and compute2", "3600.00 s apart"),
        # The hosts of a test have one QEMU.
        (
            _stack.machine,
            seen(2, facts={"qemu_version": "9.2.0"}, survey={"machines": {"q35": "pc-q35-9.2"}}),
            ASKED,
            "compute2",
            r"is pc-q35-10.0, which QEMU 9.2.0 on compute2 does not know: install the same QEMU",
        ),
        (
            _stack.strategies,
            seen(2, offer={"capabilities": ["multifd"]}),
            replace(ASKED, strategies=("pre-copy", "hybrid")),
            "compute2",
            "lacks the migration capability postcopy-ram, which the strategy hybrid needs",
        ),
        (
            _stack.strategies,
            seen(2, facts={"qemu_version": "2.5.0"}),
            replace(ASKED, strategies=("post-copy",)),
            "compute1 and compute2",
            r"QEMU 2.5.0 was found, but the strategy post-copy needs QEMU 2.6.0 or newer",
        ),
        (
            _stack.processor,
            seen(2, facts={"cpu_model": "Xeon"}),
            replace(ASKED, guest=Guest(cpu_model="host-passthrough", accelerator="kvm")),
            "compute1 and compute2",
            "compute1 has EPYC and compute2 has Xeon: set guest.cpu_model to a named model",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_cure(
    check: Callable[..., Findings], other: Seen, asked: Asked, host: str, words: str
) -> None:
    found = refused(check(seen(1), other, asked))
    assert host in [one for one, _sentence in found]
    assert any(words in sentence for _host, sentence in found)


def test_differing_capabilities_versions_and_processors_are_told_and_no_fault() -> None:
    one, other = (
        seen(1),
        seen(2, facts={"qemu_version": "9.2.0", "cpu_model": "Xeon"}, survey={"migration_capabilities": []}),
    )
    findings = [
        found
        for check in (_stack.capabilities, _stack.versions, _stack.processor)
        for found in check(one, other, ASKED)
    ]
    assert refused(findings) == []
    told = " ".join(finding["sentence"] for finding in findings)
    assert (
        "QEMU on compute1 knows the migration capabilities multifd, postcopy-ram, which QEMU on compute2 does not"
        in told
    )
    assert "compute1 has QEMU 11.1.3 and libvirt 11.3.0, but compute2 has QEMU 9.2.0" in told
    assert "the guest sees qemu64 on both" in told


def test_strategy_that_nobody_asks_for_is_told_and_no_fault() -> None:
    other = seen(2, offer={"capabilities": [], "parameters": []})
    findings = _stack.strategies(seen(1), other, replace(ASKED, strategies=("pre-copy",)))
    assert refused(findings) == []
    assert findings[-1]["sentence"] == "compute1 and compute2 can do pre-copy, stop-and-copy, tunnelled-pre-copy."


def test_unknown_strategy_names_those_that_there_are() -> None:
    ((_host, sentence),) = refused(_stack.strategies(seen(1), seen(2), replace(ASKED, strategies=("warp",))))
    assert "warp is not known: choose from pre-copy" in sentence


def test_processor_that_a_host_has_in_part_names_what_it_lacks() -> None:
    asked = replace(ASKED, guest=Guest(cpu_model="EPYC-Milan"))
    (found, _other) = refused(_stack.processor(seen(1), seen(2), asked))
    assert "only without vaes, pku, erms and 1 more: set guest.cpu_model" in found[1]


def test_memory_is_counted_once_for_hosts_of_one_machine_and_not_for_guests_that_run() -> None:
    asked = replace(ASKED, guest=Guest(memory_mib=2048), guests=2)
    apart = refused(_stack.memory(seen(1), seen(2), asked))
    assert [host for host, _sentence in apart] == ["compute1", "compute2"]
    running = seen(1, survey={"guests": ["stsm-guest", "stsm-guest-2", "stsm-guest-3"]})
    assert [host for host, _sentence in refused(_stack.memory(running, seen(2), asked))] == ["compute2"]
    containers = seen(2, clock=ClockOffset(10**12 + 150_000, 100_000))
    assert refused(_stack.memory(seen(1), containers, replace(ASKED, guest=Guest(memory_mib=1848)))) == []
    ((hosts, sentence),) = refused(_stack.memory(seen(1), containers, replace(ASKED, guest=Guest(memory_mib=1850))))
    assert hosts == "compute1 and compute2"
    assert "4096 MiB of memory are available on the one machine of both; 4100 MiB are needed" in sentence


def test_clock_that_is_not_known_well_names_the_cure() -> None:
    ((_name, sentence),) = refused(_host.clock(seen(1, clock=ClockOffset(0, 5_000_000)), ASKED))
    assert "known to 5.00 ms; at most 2 ms are needed: take an observer that is nearer or less busy." in sentence


def test_certificate_that_ends_soon_is_told_and_no_fault() -> None:
    (found,) = _path.certificate(seen(1, certificate_ends=time.time() + 5 * 86400), seen(2), ASKED)
    assert found["passed"] and "expires in 5.0 days, which is soon: deploy" in found["sentence"]
    (found,) = _path.certificate(seen(1, certificate_ends=time.time() - 86400), seen(2), ASKED)
    assert not found["passed"] and "expired 1.0 days ago: deploy" in found["sentence"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"segment_bytes": 1448, "arrived": False, "path_mtu": 1500}, "Packets of 1500 bytes, .* do not arrive"),
        ({"segment_bytes": 1348, "arrived": True, "path_mtu": 1500}, "carries packets of 1400 bytes"),
        ({"segment_bytes": 1448, "arrived": True, "path_mtu": 1300}, "carries packets of 1300 bytes"),
    ],
)
def test_frames_that_do_not_get_through_are_told_by_their_size(frame: dict[str, Any], words: str) -> None:
    one = seen(1, knock={"refusals": {}, "frame": frame})
    ((host, sentence),) = refused(_path.frames(one, seen(2), ASKED))
    assert host == "compute2"
    assert re.search(words, sentence)


@pytest.mark.parametrize(
    ("rate", "mtu", "address", "low", "high"),
    [
        (1000, 1500, "198.51.100.1", 941.5, 956.4),
        (10000, 9000, "198.51.100.1", 9900.4, 9926.8),
        (1000, 1500, "::1", 928.5, 943.2),
    ],
)
def test_expected_payload_is_what_frames_carry(rate: float, mtu: int, address: str, low: float, high: float) -> None:
    asked = Asked(link_rate_mbit_per_second=rate, link_mtu=mtu)
    assert _path.expected_payload(asked, address) == pytest.approx((low, high), abs=0.1)


@pytest.mark.parametrize(("measured", "good"), [(840, False), (870, True), (956, True), (990, False)])
def test_link_that_carries_less_or_more_than_declared_names_both_figures(measured: float, good: bool) -> None:
    (found,) = _path.link({"compute1 to compute2": measured}, seen(1), seen(2), ASKED)
    assert found["passed"] is good
    assert f"carried {measured} Mbit/s of payload; a link declared with 1000 Mbit/s" in found["sentence"]


def test_accelerator_that_libvirt_refuses_is_told_without_a_trial() -> None:
    asked = replace(ASKED, guest=Guest(accelerator="kvm"), boot_limit_seconds=None)
    one = seen(1, survey={"accelerator_refusal": "the accel 'kvm' is not supported"})
    ((_name, sentence),) = refused(_host.accelerator(one, asked))
    assert "cannot run a guest on kvm (the accel 'kvm' is not supported): set guest.accelerator to tcg" in sentence


class Boots:
    """A stand-in for a connection: a host on which guests boot on some accelerators, and that counts the trials."""

    def __init__(self, number: int, **seconds: float | None) -> None:
        self.host = Host(f"compute{number}", f"192.0.2.{number}", f"198.51.100.{number}")
        self.clock = ClockOffset(number * 10**12, 100_000)
        self.tried: list[str] = []
        self._seconds = seconds

    def call(self, name: str, **arguments: Any) -> Any:
        if name == "boot_proof":
            self.tried.append(arguments["accelerator"])
            seconds = self._seconds[arguments["accelerator"]]
            return {"seconds": seconds, "said": ""}
        if name == "survey":
            return {"accelerator": arguments["accelerator"], "accelerator_refusal": None}
        if name == "wall_clock":
            return time.time_ns()
        if name == "resolve":
            return []
        return None


def chosen(one: Boots, other: Boots) -> tuple[list[Seen], Asked]:
    """What was seen of two hosts that may choose the guest's accelerator, and what was asked of them in the end."""
    asked = read_asked({**OPTIONS, "guest": {"accelerator": "auto"}})
    facts = {"qemu_binary": "/usr/bin/qemu-system-x86_64"}
    connections: Any = [one, other]
    return _look.look(connections, [facts, facts], asked)


def test_kvm_is_chosen_where_a_guest_boots_on_it_on_both_hosts() -> None:
    hosts = Boots(1, kvm=9.1), Boots(2, kvm=8.7)
    seen, asked = chosen(*hosts)
    assert asked.accelerator == "kvm"
    assert [host.tried for host in hosts] == [["kvm"], ["kvm"]]
    assert [one.survey["accelerator"] for one in seen] == ["kvm", "kvm"]
    findings = _host.choice(*seen, asked) + [found for one in seen for found in _host.boot_proof(one, asked)]
    assert [found["sentence"] for found in findings] == [
        f"Guests on compute{number} are to run on kvm: a guest boots on kvm in {seconds} s of processor time there, and"
        " at most 20 s are allowed."
        for number, seconds in ((1, 9.1), (2, 8.7))
    ]


def test_one_host_without_kvm_makes_tcg_the_choice_of_both_which_is_proven_too() -> None:
    hosts = Boots(1, kvm=9.1, tcg=3.1), Boots(2, kvm=None, tcg=3.2)
    seen, asked = chosen(*hosts)
    assert asked.accelerator == "tcg"
    assert [host.tried for host in hosts] == [["kvm", "tcg"], ["kvm", "tcg"]]
    assert [one.survey["accelerator"] for one in seen] == ["tcg", "tcg"]
    assert [found["sentence"] for found in _host.choice(*seen, asked)] == [
        "Guests on compute1 are to run on tcg, although a guest boots on kvm in 9.1 s of processor time there: compute2"
        " lacks kvm, and both ends need the same accelerator.",
        "A guest on kvm did not boot on compute2 in 20 s of processor time, whatever device nodes are there, so guests"
        " are to run on tcg.",
    ]
    assert [found["sentence"] for one in seen for found in _host.boot_proof(one, asked)] == [
        f"A guest boots in {seconds} s of processor time on tcg on {name}; at most 20 s are allowed."
        for name, seconds in (("compute1", 3.1), ("compute2", 3.2))
    ]


def test_first_host_without_kvm_ends_the_trial_of_kvm() -> None:
    hosts = Boots(1, kvm=None, tcg=3.1), Boots(2, tcg=3.2)
    seen, asked = chosen(*hosts)
    assert [host.tried for host in hosts] == [["kvm", "tcg"], ["tcg"]]
    assert [found["sentence"] for found in _host.choice(*seen, asked)][1] == (
        "Guests on compute2 are to run on tcg: compute1 lacks kvm, and both ends need the same accelerator."
    )


def test_tcg_that_is_chosen_and_too_slow_is_refused() -> None:
    seen, asked = chosen(Boots(1, kvm=None, tcg=None), Boots(2, kvm=None, tcg=3.2))
    assert [host for one in seen for host, _sentence in refused(_host.boot_proof(one, asked))] == ["compute1"]


def test_accelerator_that_is_given_is_not_chosen() -> None:
    one, other = seen(1), seen(2)
    assert _host.choice(one, other, ASKED) == []
    with pytest.raises(ScenarioError, match="only a boot can answer, but boot_limit_seconds is 0"):
        read_asked({**OPTIONS, "guest": {"accelerator": "auto"}, "boot_limit_seconds": 0.0})
    with pytest.raises(ScenarioError, match="guest.accelerator is given, but guest.domain"):
        read_asked({**OPTIONS, "guest": {"accelerator": "auto", "domain": "database"}})


def test_accelerator_that_boots_and_that_libvirt_refuses_is_refused() -> None:
    asked = replace(ASKED, guest=Guest(accelerator="kvm"))
    survey = {"accelerator_refusal": "the accel 'kvm' is not supported"}
    booted = {"seconds": 9.1, "said": ""}
    assert refused(_host.accelerator(seen(1, survey=survey, boot_proof=booted), asked))
    assert not _host.accelerator(seen(1, survey=survey, boot_proof={**booted, "seconds": None}), asked)


def test_host_that_is_a_virtual_machine_says_so_itself() -> None:
    (found,) = _host.concessions(seen(1, facts={"virtualization": "qemu"}), ASKED)
    assert found["passed"] and "compute1 is not an ordinary server: it is a virtual machine on tcg" in found["sentence"]
    assert _host.concessions(seen(1, facts={"virtualization": "none"}), ASKED) == []
    assert _host.concessions(seen(1), ASKED) == []


def test_encrypted_and_plain_streams_are_told_apart() -> None:
    (found,) = _path.encryption(seen(1), seen(2), replace(ASKED, strategies=("pre-copy",)))
    assert found["passed"] and "plain TCP with pre-copy" in found["sentence"]


def test_host_that_cannot_be_reached_is_a_finding() -> None:
    hosts = [Host(f"nowhere{n}", "127.0.0.1", f"192.0.2.{n}", port=n) for n in (1, 2)]
    examination = examine_hosts(hosts, "a test", Asked(measures_link=True))
    assert [host for host, _sentence in refused(examination.findings)] == ["nowhere1", "nowhere2"]
    assert all("refused" in finding["sentence"] for finding in examination.findings)
    assert (examination.facts, examination.payload_mbit_per_second) == ({}, None)


def test_room_for_records_is_judged_where_the_folder_would_be_made(tmp_path: Path) -> None:
    examination = examine_hosts([], "a test", Asked(results=tmp_path / "not/yet"))
    assert [finding["name"] for finding in examination.findings] == ["results"]


def test_options_are_read_as_a_scenario_reads_them() -> None:
    assert read_asked(OPTIONS) == Asked(boot_limit_seconds=20)
    asked = read_asked({**OPTIONS, "guest": {"accelerator": "kvm"}, "guests": 2, "boot_limit_seconds": 0.0})
    assert (asked.accelerator, asked.guests, asked.boot_limit_seconds) == ("kvm", 2, None)
    assert read_asked({**OPTIONS, "guest": {"domain": "database"}}).guest is None
    with pytest.raises(ScenarioError, match=r"guest\.memory_mib"):
        read_asked({**OPTIONS, "guest": {"memory_mib": 1}})


def test_values_left_to_change_are_named_with_host_and_variable() -> None:
    hostvars = {
        "one": {"ansible_host": "CHANGE_ME: the address", "migration_address": "192.0.2.1"},
        "other": {"networks": [{"subnet": "CHANGE_ME"}], "rate": 1000},
        "done": {"ansible_host": "192.0.2.3"},
    }
    assert left_to_change(["one", "other", "done"], hostvars) == [
        "ansible_host of one is still 'CHANGE_ME: the address': set it in the inventory to what your site has.",
        "networks of other is still 'CHANGE_ME': set it in the inventory to what your site has.",
    ]
