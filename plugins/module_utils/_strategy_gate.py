# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can both ends do what a strategy asks?  Judged by what they really offer, of which a version is only a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Iterable, Iterator, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES, Strategy, unmet
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import NEUTRAL_QMP_PARAMETERS
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_since import (
    LIBVIRT_PARAMETERS,
    Version,
    dotted,
)

# The largest workload guest that zero-copy may have to lock, if none is asked for.
USUAL_MEMORY_MIB = 512
# What a libvirt whose tunnel carries post-copy tells of itself.
TUNNELLED_POSTCOPY = "tunnelled_postcopy"
RESUME_FLAG = "VIR_MIGRATE_POSTCOPY_RESUME"
# Releases seen to crash at the destination when a post-copy is resumed, as they are: no call and no capability tells,
# so a cure is known by the mark of the series that holds it, or by its patch among those of the host's own build, which
# the role libvirt has proven to be what runs.
CRASHES_AT_RESUME = ((11, 3, 0),)
_CURE = "when-resuming"
# From this QEMU on a switch to post-copy has a status of its own, and up to this libvirt (the newest that was seen to
# fail) asking how a migration stands is an error while that lasts: Nova, which asks twice a second, then gives up a
# migration that goes on without it.  Cured by a patch.
NEW_STATUS_SINCE, UNKNOWN_STATUS_UNTIL = (10, 2, 0), (11, 3, 0)
_STATUS_CURE = "Recognize-new-states"


@dataclass(frozen=True)
class End:
    """One host: its versions and what its agent's ``offer`` returned."""

    name: str
    libvirt_version: Version
    qemu_version: Version
    offer: Mapping[str, Any]
    # Whether guests are to run on KVM there, where alone QEMU has a dirty ring.
    on_kvm: bool = False
    # Of the libvirt that was built for it, by their names.
    patches: Collection[str] = ()


@dataclass(frozen=True)
class Wanted:
    """A strategy at a level, whether it is resumed when it breaks, and what of the guest's domain a rule may name."""

    strategy: Strategy
    driver: str = "libvirt"
    recovers: bool = False
    traits: Collection[str] = ()


def question(strategies: Iterable[str], memory_mib: int | None = None) -> dict[str, Any]:
    """Return what a host's agent is to be asked for these strategies."""
    rows = [STRATEGIES[name] for name in strategies]
    flags = {flag for row in rows for flag in row.libvirt_flags}
    parameters = {LIBVIRT_PARAMETERS[name].constant for row in rows for name in row.libvirt_parameters(row.defaults)}
    return {
        "constants": sorted(flags | parameters | {RESUME_FLAG}),
        "trials": {
            row.name: {
                "capabilities": list(row.qmp_capabilities),
                "parameters": row.qmp_parameters(row.defaults),
                "dirty_ring": "dirty-ring" in row.needs,
            }
            for row in rows
        },
        "neutral": NEUTRAL_QMP_PARAMETERS,
        "memory_mib": memory_mib or USUAL_MEMORY_MIB,
    }


def obstacles(wanted: Wanted, one: End, other: End) -> list[tuple[str, str]]:
    """Return the host and one sentence for each thing that keeps both ends from it; none if they can."""
    strategy = wanted.strategy
    both = f"{one.name} and {other.name}"
    if wanted.driver not in strategy.drivers:
        level = " or ".join(strategy.drivers)
        sentence = (
            f"The driver {wanted.driver} has no way to ask for the strategy {strategy.name}: set driver to {level}."
        )
        return [(both, sentence)]
    lower = (min(e.libvirt_version for e in (one, other)), min(e.qemu_version for e in (one, other)))
    found = [(both, sentence) for sentence in unmet(strategy, *lower, wanted.traits)]
    return found or [(end.name, f"{sentence}.") for end in (one, other) for sentence in list(_lacking(wanted, end))[:1]]


def _lacking(wanted: Wanted, end: End) -> Iterator[str]:
    """What one end lacks; the first says it, and others often follow from it."""
    strategy, offer = wanted.strategy, end.offer
    instead = f"or leave {strategy.name} out"
    needs = f"which the strategy {strategy.name} needs"
    for kind, names in (
        ("capability", strategy.qmp_capabilities),
        ("parameter", tuple(strategy.qmp_parameters(strategy.defaults))),
    ):
        lacking = sorted(set(names) - set(offer["capabilities" if kind == "capability" else "parameters"]))
        if lacking:
            yield (
                f"QEMU {dotted(end.qemu_version)} on {end.name} lacks the migration {kind}"
                f" {', '.join(lacking)}, {needs}: install the same QEMU on both hosts, {instead}"
            )
    if wanted.driver == "libvirt":
        constants = {*strategy.libvirt_flags, *([RESUME_FLAG] if wanted.recovers else [])}
        constants |= {LIBVIRT_PARAMETERS[name].constant for name in strategy.libvirt_parameters(strategy.defaults)}
        unbound = sorted(constants & set(offer["missing_constants"]))
        if unbound:
            yield (
                f"Python's libvirt on {end.name} lacks {', '.join(unbound)}, {needs}: install the python3-libvirt of"
                f" its libvirt, {instead}"
            )
        if wanted.recovers and _crashes_at_resume(end):
            yield (
                f"libvirt {dotted(end.libvirt_version)} on {end.name} crashes when a post-copy is resumed there: build"
                " it with the fixes of the role libvirt, or set strategy.recovers to false"
            )
    if wanted.driver == "nova" and strategy.uses_postcopy and _loses_post_copy(end):
        yield (
            f"libvirt {dotted(end.libvirt_version)} on {end.name} does not know a status that QEMU"
            f" {dotted(end.qemu_version)} has while it switches to post-copy, and Nova loses every other migration by"
            " that: build it with the fixes of the role libvirt, or install an older QEMU (qemu_suite)"
        )
    if wanted.driver == "qmp" and strategy.uses_postcopy and offer["userfaultfd_by_libvirt"]:
        yield (
            f"QEMU on {end.name} may use userfaultfd only where libvirt starts it, {needs}: set"
            f" qemu_userfaultfd_cure to device and deploy, {instead}"
        )
    yield from _unmet_needs(strategy, end, needs, instead)
    if strategy.name in offer["refusals"]:
        yield (
            f"QEMU on {end.name} refuses what the strategy {strategy.name} sets ({offer['refusals'][strategy.name]}):"
            f" mend that, {instead}"
        )


def _crashes_at_resume(end: End) -> bool:
    cured = TUNNELLED_POSTCOPY in end.offer["migration_features"] or any(_CURE in name for name in end.patches)
    return end.libvirt_version in CRASHES_AT_RESUME and not cured


def _loses_post_copy(end: End) -> bool:
    knows = end.libvirt_version > UNKNOWN_STATUS_UNTIL or any(_STATUS_CURE in name for name in end.patches)
    return end.qemu_version >= NEW_STATUS_SINCE and not knows


def _unmet_needs(strategy: Strategy, end: End, needs: str, instead: str) -> Iterator[str]:
    """What beside software one end lacks."""
    refusal = end.offer["tls_refusal"]
    if "native-tls" in strategy.needs and refusal:
        yield (
            f"QEMU on {end.name} cannot use the certificates of its native TLS ({refusal}), {needs}: deploy to both"
            f" hosts, which lays them, {instead}"
        )
    if "tunnelled-postcopy" in strategy.needs and TUNNELLED_POSTCOPY not in end.offer["migration_features"]:
        yield (
            f"libvirt on {end.name} does not carry post-copy through its tunnel (its host capabilities do not list"
            f" {TUNNELLED_POSTCOPY}), {needs}: build it with the patches of the role libvirt, {instead}"
        )
    if "dirty-ring" in strategy.needs and not end.on_kvm:
        yield (
            f"Guests on {end.name} do not run on KVM, which alone has the dirty ring {needs}:"
            f" set guest.accelerator to kvm on hosts that have it, {instead}"
        )
    if "locked-memory" in strategy.needs and not end.offer["locks_memory"]:
        yield (
            f"{end.name} does not let a process lock the guest's memory, {needs}: permit CAP_SYS_RESOURCE there,"
            f" {instead}"
        )
