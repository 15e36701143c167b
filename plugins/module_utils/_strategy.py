# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration strategies as data: what each asks of libvirt and QEMU, since when, and what excludes what.

A strategy is one row of a table. Everything that can be derived from the row (whether it suspends the guest first,
the versions it needs) is derived, so a new row cannot contradict itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Tuple

Version = Tuple[int, int, int]

SWITCHES = ("never", "at-once", "after-first-pass")

LIBVIRT_FLAG_SINCE: dict[str, Version] = {
    "VIR_MIGRATE_LIVE": (0, 3, 2),
    "VIR_MIGRATE_PEER2PEER": (0, 7, 2),
    "VIR_MIGRATE_POSTCOPY": (1, 3, 3),
}

QMP_CAPABILITY_SINCE: dict[str, Version] = {
    "postcopy-ram": (2, 6, 0),
}


@dataclass(frozen=True)
class Strategy:
    """One way to move a guest. switch says when post-copy starts: "never", "at-once" or "after-first-pass"."""

    name: str
    description: str
    libvirt_flags: tuple[str, ...]
    switch: str
    qmp_capabilities: tuple[str, ...] = ()

    @property
    def uses_postcopy(self) -> bool:
        """Whether the guest is meant to run on the destination before all of its memory is there."""
        return self.switch != "never"

    @property
    def suspends_first(self) -> bool:
        """Whether the guest is stopped before the first byte of its memory is sent."""
        return "VIR_MIGRATE_LIVE" not in self.libvirt_flags

    @property
    def minimum_libvirt(self) -> Version:
        """The first libvirt that knows all flags of this strategy."""
        return max(LIBVIRT_FLAG_SINCE[flag] for flag in self.libvirt_flags)

    @property
    def minimum_qemu(self) -> Version:
        """The first QEMU that knows all capabilities of this strategy; (0, 0, 0) if it needs none."""
        return max((QMP_CAPABILITY_SINCE[name] for name in self.qmp_capabilities), default=(0, 0, 0))


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            name="pre-copy",
            description="memory is copied, then what the guest dirtied meanwhile, until the rest fits the limit",
            libvirt_flags=("VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER"),
            switch="never",
        ),
        Strategy(
            name="hybrid",
            description="one pass of pre-copy, then the guest moves and fetches what it dirtied meanwhile (post-copy)",
            libvirt_flags=("VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER", "VIR_MIGRATE_POSTCOPY"),
            switch="after-first-pass",
            qmp_capabilities=("postcopy-ram",),
        ),
        Strategy(
            name="post-copy",
            description="the guest moves at once and fetches its memory as it touches it, the rest is pushed",
            libvirt_flags=("VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER", "VIR_MIGRATE_POSTCOPY"),
            switch="at-once",
            qmp_capabilities=("postcopy-ram",),
        ),
        Strategy(
            name="stop-and-copy",
            description="the guest stops, its memory is copied once, it runs on (the reference for blackout and bytes)",
            libvirt_flags=("VIR_MIGRATE_PEER2PEER",),
            switch="never",
        ),
    )
}


@dataclass(frozen=True)
class Exclusion:
    """Two things that cannot go together. Each is a libvirt flag or a trait of the guest's domain ("hostdev")."""

    one: str
    other: str
    reason: str


EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        "VIR_MIGRATE_POSTCOPY",
        "hostdev",
        "a device passed through to the guest writes memory that post-copy has not yet brought",
    ),
)


def unmet(
    strategy: Strategy, libvirt_version: Version, qemu_version: Version, domain_traits: Collection[str] = ()
) -> list[str]:
    """Return one sentence for each thing that keeps a strategy from running on a host; none if it can.

    libvirt_version and qemu_version are the lower of both ends; domain_traits are traits of the guest's domain that a
    rule of EXCLUSIONS names, such as "hostdev".
    """
    sentences = []
    for software, found, needed in (
        ("libvirt", libvirt_version, strategy.minimum_libvirt),
        ("QEMU", qemu_version, strategy.minimum_qemu),
    ):
        if tuple(found) < needed:
            sentences.append(
                f"{software} {_dotted(found)} was found, but the strategy {strategy.name} needs {software}"
                f" {_dotted(needed)} or newer: update {software} on both hosts."
            )
    present = {*strategy.libvirt_flags, *domain_traits}
    for rule in EXCLUSIONS:
        if {rule.one, rule.other} <= present:
            sentences.append(
                f"The strategy {strategy.name} cannot move this guest, because {rule.reason}: choose another strategy."
            )
    return sentences


def _dotted(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(str(part) for part in version)
