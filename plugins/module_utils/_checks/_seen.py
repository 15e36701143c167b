# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a pair of hosts, what was seen of each, and a finding: the words that all checks share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest

# ``{"name", "host", "passed", "sentence"}``
Finding = Dict[str, Any]
Findings = List[Finding]


@dataclass(frozen=True)
class Asked:
    """What a campaign will ask of a pair; all that is left out is neither examined nor measured."""

    link_rate_mbit_per_second: float | None = None
    link_mtu: int | None = None
    measures_link: bool = False
    guest: Guest | None = None
    # Whether the guest's accelerator is to be chosen: kvm, which is then the guest's, or tcg if a host lacks kvm.
    chooses_accelerator: bool = False
    guests: int = 1
    strategies: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ("libvirt",)
    results: Path | None = None
    # How long a boot under the guest's accelerator may take; None: the accelerator is not proven.
    boot_limit_seconds: float | None = None

    @property
    def accelerator(self) -> str | None:
        """What the guest is to run on; None where no guest is asked for."""
        return self.guest.accelerator if self.guest else None


@dataclass
class Seen:
    """One host: its raw answers by question, and why a question got none, which is a finding in itself."""

    host: Host
    answers: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        return self.host.name

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the host is."""
        facts: Mapping[str, Any] = self.answers["facts"]
        return facts

    @property
    def survey(self) -> Mapping[str, Any]:
        """What the host has to offer."""
        survey: Mapping[str, Any] = self.answers["survey"]
        return survey


def finding(name: str, host: str, passed: bool, sentence: str) -> Finding:
    """One finding."""
    return {"name": name, "host": host, "passed": passed, "sentence": sentence}


def both(one: Seen, other: Seen) -> str:
    """The host of a finding that concerns both."""
    return f"{one.name} and {other.name}"


def version(dotted: str) -> tuple[int, int, int]:
    """A version as it compares."""
    major, minor, micro = (int(part) for part in dotted.split("."))
    return major, minor, micro
