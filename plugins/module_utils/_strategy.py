# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration strategies as data: what each asks of libvirt and QEMU, since when, and what excludes what.

A strategy is one row of a table: its name, its features and when post-copy starts.  Everything that can be derived from
the row (flags, capabilities, the versions it needs, whether it suspends the guest first) is derived, so a new row
cannot contradict itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Collection, Mapping, TypeVar

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import (
    DRIVERS,
    FEATURES,
    Feature,
    Option,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import (
    ANY,
    LIBVIRT_FLAG_SINCE,
    LIBVIRT_PARAMETERS,
    QMP_CAPABILITY_SINCE,
    QMP_PARAMETER_SINCE,
    Version,
    dotted,
)

# When post-copy starts. The kinds of the second line take a number, which is a site's choice (see _switch).
SWITCHES = ("never", "at-once", "after-first-pass")
NUMBERED_SWITCHES = ("after-passes", "after-seconds", "at-stall")

_T = TypeVar("_T")


@dataclass(frozen=True)
class Strategy:
    """One way to move a guest, composed of features; switch says when post-copy starts if nothing else is chosen."""

    name: str
    description: str
    switch: str = "never"
    features: tuple[str, ...] = ()
    suspends_first: bool = False

    @property
    def uses_postcopy(self) -> bool:
        """Whether the guest is meant to run on the destination before all of its memory is there."""
        return self.switch != "never"

    @property
    def libvirt_flags(self) -> tuple[str, ...]:
        """The flags of a peer-to-peer migration by this strategy."""
        base = ("VIR_MIGRATE_PEER2PEER",) if self.suspends_first else ("VIR_MIGRATE_LIVE", "VIR_MIGRATE_PEER2PEER")
        return tuple(dict.fromkeys((*base, *self._all(lambda feature: feature.libvirt_flags))))

    @property
    def qmp_capabilities(self) -> tuple[str, ...]:
        """The capabilities of migration that QEMU is to have on, at both ends."""
        return tuple(dict.fromkeys(self._all(lambda feature: feature.qmp_capabilities)))

    @property
    def options(self) -> tuple[Option, ...]:
        """What a scenario may choose of this strategy."""
        return self._all(lambda feature: feature.options)

    @property
    def needs(self) -> tuple[str, ...]:
        """What beside software both ends must have."""
        return self._all(lambda feature: feature.needs)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The levels at which this strategy can be asked for."""
        parts = self._features()
        able = tuple(driver for driver in DRIVERS if all(driver in part.drivers for part in parts))
        # Nova keeps a guest that is suspended first suspended.
        return tuple(driver for driver in able if not (driver == "nova" and self.suspends_first))

    def libvirt_parameters(self, chosen: Mapping[str, int]) -> dict[str, Any]:
        """Return the typed parameters, by name, of the options that are chosen (key to number)."""
        fixed = {key: value for part in self._features() for key, value in part.libvirt_parameters.items()}
        given = [(o.libvirt_parameter, o.libvirt_factor, chosen[o.key]) for o in self.options if o.key in chosen]
        return {**fixed, **{name: factor * number for name, factor, number in given if name}}

    def qmp_parameters(self, chosen: Mapping[str, int]) -> dict[str, Any]:
        """Return the parameters of migrate-set-parameters of the options that are chosen; tls-creds names an object."""
        fixed = {key: value for part in self._features() for key, value in part.qmp_parameters.items()}
        given = {o.qmp_parameter: o.qmp_factor * chosen[o.key] for o in self.options if o.key in chosen}
        return {**fixed, **given}

    @property
    def nova_options(self) -> dict[str, Any]:
        """The options of Nova's section libvirt that bring this strategy about, as far as Nova has any."""
        return {key: value for part in self._features() for key, value in part.nova_options.items()}

    @property
    def defaults(self) -> dict[str, int]:
        """The options that are always set, and what they are unless a scenario chooses."""
        return {option.key: option.default for option in self.options if option.default is not None}

    @property
    def minimum_libvirt(self) -> Version:
        """The first libvirt that knows all flags and parameters of this strategy."""
        flags = [LIBVIRT_FLAG_SINCE[flag] for flag in self.libvirt_flags]
        return max(*flags, *(LIBVIRT_PARAMETERS[name].since for name in self.libvirt_parameters(self.defaults)), ANY)

    @property
    def minimum_qemu(self) -> Version:
        """The first QEMU that knows all capabilities and parameters of this strategy; (0, 0, 0) if it needs none."""
        capabilities = [QMP_CAPABILITY_SINCE[name] for name in self.qmp_capabilities]
        parameters = [QMP_PARAMETER_SINCE[name] for name in self.qmp_parameters(self.defaults)]
        together = [rule.until for rule in EXCLUSIONS if rule.until and rule.holds(self.asked_for)]
        return max((*capabilities, *parameters, *together), default=ANY)

    @property
    def asked_for(self) -> frozenset[str]:
        """All that an exclusion may name of this strategy."""
        return frozenset((*self.libvirt_flags, *self.qmp_capabilities, *self.features))

    def _features(self) -> tuple[Feature, ...]:
        return tuple(FEATURES[name] for name in self.features)

    def _all(self, part: Callable[[Feature], tuple[_T, ...]]) -> tuple[_T, ...]:
        return tuple(item for feature in self._features() for item in part(feature))


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("pre-copy", "memory is copied, then what the guest dirtied meanwhile, until the rest fits the limit"),
        Strategy(
            "hybrid",
            "one pass of pre-copy, then the guest moves and fetches what it dirtied meanwhile (post-copy)",
            "after-first-pass",
            ("post-copy",),
        ),
        Strategy(
            "post-copy",
            "the guest moves at once and fetches its memory as it touches it, the rest is pushed",
            "at-once",
            ("post-copy",),
        ),
        Strategy(
            "stop-and-copy",
            "the guest stops, its memory is copied once, it runs on (the reference for blackout and bytes)",
            suspends_first=True,
        ),
        Strategy(
            "preempt-hybrid",
            "hybrid, with a channel of its own for the pages that the guest waits for",
            "after-first-pass",
            ("post-copy", "preempt"),
        ),
        Strategy(
            "auto-converge",
            "pre-copy that slows the guest's processors down for as long as it does not converge",
            features=("auto-converge",),
        ),
        Strategy(
            "dirty-limit",
            "pre-copy that slows down only those processors of the guest that dirty memory above a limit",
            features=("dirty-limit",),
        ),
        Strategy("multifd", "pre-copy over several connections", features=("multifd",)),
        Strategy("multifd-zlib", "pre-copy over several connections, pages compressed", features=("multifd-zlib",)),
        Strategy("multifd-zstd", "pre-copy over several connections, pages compressed", features=("multifd-zstd",)),
        Strategy(
            "multifd-hybrid",
            "one pass of pre-copy over several connections, then post-copy",
            "after-first-pass",
            ("multifd", "post-copy"),
        ),
        Strategy(
            "zero-copy",
            "pre-copy over several connections, from the guest's memory without a copy in the kernel",
            features=("multifd", "zero-copy"),
        ),
        Strategy("xbzrle", "pre-copy that sends of a page sent before only what has changed", features=("xbzrle",)),
        Strategy("tls-pre-copy", "pre-copy, encrypted by QEMU itself", features=("tls",)),
        Strategy("tls-hybrid", "hybrid, encrypted by QEMU itself", "after-first-pass", ("post-copy", "tls")),
        Strategy("tunnelled-pre-copy", "pre-copy through libvirt's own connection", features=("tunnel",)),
        Strategy(
            "tunnelled-hybrid",
            "hybrid through libvirt's own connection",
            "after-first-pass",
            ("post-copy", "tunnel", "tunnelled-postcopy"),
        ),
    )
}


@dataclass(frozen=True)
class Exclusion:
    """Two things that cannot go together, each a libvirt flag, a capability of QEMU or a trait of the guest's domain.

    until is the QEMU that has lifted the rule, None for none.
    """

    one: str
    other: str
    reason: str
    until: Version | None = None

    def holds(self, present: Collection[str]) -> bool:
        """Return whether both are there."""
        return self.one in present and self.other in present


EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        "postcopy-ram",
        "hostdev",
        "a device passed through to the guest writes memory that post-copy has not yet brought",
    ),
    Exclusion("postcopy-ram", "multifd", "QEMU before 10.1 has post-copy on one connection only", (10, 1, 0)),
    Exclusion("xbzrle", "multifd", "xbzrle needs all pages in the order of one connection"),
    Exclusion("auto-converge", "dirty-limit", "both slow the guest down, each by its own rule"),
    Exclusion("zero-copy-send", "VIR_MIGRATE_TLS", "encryption needs the copy that zero-copy leaves out"),
    Exclusion("zero-copy-send", "VIR_MIGRATE_COMPRESSED", "compression needs the copy that zero-copy leaves out"),
    Exclusion("multifd", "VIR_MIGRATE_TUNNELLED", "libvirt's tunnel is one connection"),
    Exclusion("postcopy-preempt", "VIR_MIGRATE_TUNNELLED", "libvirt's tunnel is one connection"),
    Exclusion("VIR_MIGRATE_NON_SHARED_DISK", "VIR_MIGRATE_TUNNELLED", "libvirt copies disks only beside the tunnel"),
)


def unmet(
    strategy: Strategy, libvirt_version: Version, qemu_version: Version, traits: Collection[str] = ()
) -> list[str]:
    """Return one sentence for each thing that keeps a strategy from running on a host; none if it can.

    libvirt_version and qemu_version are the lower of both ends; traits are what of the guest's domain and of the run a
    rule of EXCLUSIONS names, such as "hostdev".
    """
    sentences = []
    for software, found, needed in (
        ("libvirt", libvirt_version, strategy.minimum_libvirt),
        ("QEMU", qemu_version, strategy.minimum_qemu),
    ):
        if tuple(found) < needed:
            sentences.append(
                f"{software} {dotted(found)} was found, but the strategy {strategy.name} needs {software}"
                f" {dotted(needed)} or newer: update {software} on both hosts."
            )
    present = {*strategy.asked_for, *traits}
    for rule in EXCLUSIONS:
        # A rule that a newer QEMU has lifted is told by the version that the strategy needs.
        if rule.until is None and rule.holds(present):
            sentences.append(
                f"The strategy {strategy.name} cannot move this guest, because {rule.reason}: choose another strategy."
            )
    return sentences
