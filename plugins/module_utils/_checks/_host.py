# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of one host by itself: permission, clock, room on the disk, accelerator, concessions."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import (
    Asked,
    Finding,
    Findings,
    Seen,
    finding,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import virtual_machine_on
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import CLOCK_BOUND_MS

LEAST_FREE_MIB = 64
# Where a host keeps what a guest says, and what libvirt keeps of it.
FOLDERS = ("/var/lib/stsm-live-migration/guests", "/var/lib/libvirt")


def post_copy(seen: Seen, asked: Asked) -> Findings:
    """May QEMU's user use userfaultfd, and by which right?"""
    permission = seen.answers["permission"]
    if permission["needs_libvirt"] and "qmp" in asked.drivers:
        sentence = (
            f"QEMU on {seen.name} may use userfaultfd by {permission['by']}, and so not where the driver qmp starts it:"
            " set qemu_userfaultfd_cure to device and run the playbook deploy, or leave qmp out."
        )
        return [finding("post-copy", seen.name, False, sentence)]
    if permission["permitted"]:
        return [
            finding("post-copy", seen.name, True, f"QEMU on {seen.name} may use userfaultfd by {permission['by']}.")
        ]
    return [finding("post-copy", seen.name, False, f"{seen.name}: {permission['reason']}")]


def clock(seen: Seen, _asked: Asked) -> Findings:
    """Is the host's clock known as well as downtimes need it?"""
    bound_ms = seen.answers["clock"].bound_ns / 1e6
    sentence = f"The clock of {seen.name} is known to {bound_ms:.2f} ms; at most {CLOCK_BOUND_MS:g} ms are needed"
    if bound_ms > CLOCK_BOUND_MS:
        return [finding("clock", seen.name, False, f"{sentence}: take an observer that is nearer or less busy.")]
    return [finding("clock", seen.name, True, f"{sentence}.")]


def disk(seen: Seen, _asked: Asked) -> Findings:
    """Is there room for what guests say and for libvirt?"""
    return [room("disk", seen.name, folder, free) for folder, free in seen.survey["free_mib"].items()]


def room(name: str, host: str, folder: str, free_mib: int) -> dict[str, object]:
    """Is there room in one folder of *host*?"""
    enough = free_mib >= LEAST_FREE_MIB
    sentence = f"{folder} on {host} has {free_mib} MiB free; at least {LEAST_FREE_MIB} MiB are needed"
    return finding(name, host, enough, f"{sentence}." if enough else f"{sentence}: free some space there.")


def accelerator(seen: Seen, asked: Asked) -> Findings:
    """Does libvirt refuse the accelerator that is asked for, without any trial?"""
    refusal = seen.survey.get("accelerator_refusal")
    if refusal is None or _has_not_booted(seen.answers.get("boot_proof")):
        return []  # a boot that failed is a finding of its own
    words = f"libvirt on {seen.name} cannot run a guest on {asked.accelerator} ({refusal}): {_cure(asked)}."
    return [finding("accelerator", seen.name, False, words)]


def boot_proof(seen: Seen, asked: Asked) -> Findings:
    """Does a guest boot in reasonable time on the accelerator that is asked for?"""
    proof, limit = seen.answers["boot_proof"], f"{asked.boot_limit_seconds:g} s"
    if asked.chooses_accelerator and asked.accelerator == "kvm":
        return []  # the choice says it
    if proof["seconds"] is not None:
        words = (
            f"A guest boots in {proof['seconds']} s of processor time on {asked.accelerator} on {seen.name};"
            f" at most {limit} are allowed."
        )
        return [finding("accelerator", seen.name, True, words)]
    words = f"{_why_it_does_not_boot(asked.accelerator, seen, proof, asked)}: {_cure(asked)}."
    return [finding("accelerator", seen.name, False, words)]


def lacks_kvm(seen: Seen) -> bool:
    """Whether it was tried, to choose the accelerator, and no guest boots on kvm in reasonable time."""
    return _has_not_booted(seen.answers.get("kvm_proof"))


def choice(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Which accelerator was chosen for guests on each host, and why?"""
    if not asked.chooses_accelerator:
        return []
    return [
        _choice(seen, peer, asked)
        for seen, peer in ((one, other), (other, one))
        if "kvm_proof" in seen.answers or lacks_kvm(peer)
    ]


def _choice(seen: Seen, peer: Seen, asked: Asked) -> Finding:
    words = f"Guests on {seen.name} are to run on {asked.accelerator}"
    proof = seen.answers.get("kvm_proof")
    boots = f"a guest boots on kvm in {proof['seconds']} s of processor time there" if proof else ""
    if lacks_kvm(seen):
        words = f"{_why_it_does_not_boot('kvm', seen, proof or {}, asked)}, so guests are to run on {asked.accelerator}"
    elif asked.accelerator == "kvm":
        words += f": {boots}, and at most {asked.boot_limit_seconds:g} s are allowed"
    else:
        despite = f", although {boots}" if boots else ""
        words += f"{despite}: {peer.name} lacks kvm, and both ends need the same accelerator"
    return finding("accelerator", seen.name, True, f"{words}.")


def _has_not_booted(proof: Mapping[str, Any] | None) -> bool:
    return proof is not None and proof["seconds"] is None


def _why_it_does_not_boot(accelerator: str | None, seen: Seen, proof: Mapping[str, Any], asked: Asked) -> str:
    if proof["said"]:
        return f"A guest on {accelerator} does not start on {seen.name} ({proof['said']})"
    despite = "" if accelerator == "tcg" else ", whatever device nodes are there"
    limit = f"{asked.boot_limit_seconds:g} s of processor time"
    return f"A guest on {accelerator} did not boot on {seen.name} in {limit}{despite}"


def _cure(asked: Asked) -> str:
    if asked.accelerator == "tcg":
        return "see that nothing else loads the host, or take a faster one"
    return "set guest.accelerator to tcg or auto, or use a host whose hardware virtualisation works"


def concessions(seen: Seen, _asked: Asked) -> Findings:
    """What sets the host apart from an ordinary server?  What the inventory says, and what the host says itself."""
    outer = virtual_machine_on(seen.facts)
    apart = [f"it is a virtual machine on {outer}, and times are not those of hardware"] if outer else []
    return [
        finding("concession", seen.name, True, f"{seen.name} is not an ordinary server: {concession}.")
        for concession in (*apart, *seen.host.concessions)
    ]
