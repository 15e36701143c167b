# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of both ends' QEMU and libvirt together: versions, capabilities, strategies, machine, processor, memory."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import (
    Asked,
    Finding,
    Findings,
    Seen,
    both,
    finding,
    version,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import numbered_name
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_gate import End, Wanted, obstacles

# What QEMU takes beside the memory of its guest.
OVERHEAD_MIB = 200


def versions(one: Seen, other: Seen, _asked: Asked) -> Findings:
    """Which libvirt and QEMU are there?  That they differ is no fault; what then does not fit, other checks name."""
    words = [
        f"{name} has QEMU {f['qemu_version']} and libvirt {f['libvirt_version']}" for name, f in _facts(one, other)
    ]
    keys = ("qemu_version", "libvirt_version")
    if all(one.facts[key] == other.facts[key] for key in keys):
        return [finding("versions", both(one, other), True, f"{words[0]}, as has {other.name}.")]
    sentence = f"{words[0]}, but {words[1]}: guests that move to the older one need a machine type that it knows."
    return [finding("versions", both(one, other), True, sentence)]


def capabilities(one: Seen, other: Seen, _asked: Asked) -> Findings:
    """Which capabilities of migration has only one end?  No fault unless a strategy needs one."""
    ones, others = (set(seen.survey["migration_capabilities"]) for seen in (one, other))
    findings = []
    for has, lacks, names in ((one, other, ones - others), (other, one, others - ones)):
        if names:
            sentence = (
                f"QEMU on {has.name} knows the migration capabilities {', '.join(sorted(names))}, which QEMU on"
                f" {lacks.name} does not: a strategy that needs one of them cannot run between the two."
            )
            findings.append(finding("capabilities", lacks.name, True, sentence))
    common = f"{one.name} and {other.name} offer the same {len(ones)} capabilities of migration."
    return findings or [finding("capabilities", both(one, other), True, common)]


def strategies(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Which strategies can run between both, and why not the others?"""
    findings = [
        finding("strategy", both(one, other), False, _unknown(name))
        for name in asked.strategies
        if name not in STRATEGIES
    ]
    ends = [end(seen, asked.accelerator == "kvm") for seen in (one, other)]
    able = []
    for name, strategy in STRATEGIES.items():
        reasons = min((obstacles(Wanted(strategy, driver), *ends) for driver in asked.drivers), key=len)
        if not reasons:
            able.append(name)
        findings += [finding("strategy", host, name not in asked.strategies, words) for host, words in reasons]
    if able:
        sentence = f"{one.name} and {other.name} can do {', '.join(able)}."
        findings.append(finding("strategy", both(one, other), True, sentence))
    return findings


def end(seen: Seen, on_kvm: bool) -> End:
    """What the gate of strategies judges a host by."""
    versions_of = {key: version(seen.facts[f"{key}_version"]) for key in ("libvirt", "qemu")}
    patches = tuple(seen.facts.get("builds", {}).get("libvirt", {}).get("patches", ()))
    return End(seen.name, versions_of["libvirt"], versions_of["qemu"], seen.answers["offer"], on_kvm, patches)


def _unknown(name: str) -> str:
    return f"The strategy {name} is not known: choose from {', '.join(STRATEGIES)}."


def machine(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Does each end know the machine type that a guest started on the other gets?"""
    if asked.guest is None:
        return []
    return [_machine(*ends, asked.guest.machine) for ends in ((one, other), (other, one))]


def _machine(source: Seen, destination: Seen, wanted: str) -> Finding:
    got = source.survey["machines"].get(wanted)
    if got is None:
        sentence = (
            f"QEMU {source.facts['qemu_version']} on {source.name} does not know the machine type {wanted}: "
            "set guest.machine to one that both hosts know."
        )
        return finding("machine", source.name, False, sentence)
    if got not in destination.survey["machines"]:
        sentence = (
            f"A guest of machine type {wanted} started on {source.name} is {got}, which QEMU"
            f" {destination.facts['qemu_version']} on {destination.name} does not know: "
            "install the same QEMU on both hosts."
        )
        return finding("machine", destination.name, False, sentence)
    sentence = f"A guest of machine type {wanted} started on {source.name} is {got}, which {destination.name} knows."
    return finding("machine", destination.name, True, sentence)


def processor(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Can both ends give the guest the processor that it asks for?"""
    if asked.guest is None:
        return []
    model = asked.guest.cpu_model
    physical = [f"{name} has {f['cpu_model']}" for name, f in _facts(one, other)]
    differ = one.facts["cpu_model"] != other.facts["cpu_model"]
    if model == "host-passthrough":
        if asked.accelerator != "kvm":
            words = (
                "The processor model host-passthrough needs the accelerator kvm: set guest.cpu_model to a named model."
            )
            return [finding("processor", both(one, other), False, words)]
        words = " and ".join(physical)
        cure = ": set guest.cpu_model to a named model that both offer, since the guest asks for the host's own."
        return [finding("processor", both(one, other), not differ, words + (cure if differ else "."))]
    findings = [found for seen in (one, other) for found in _processor(seen, model, str(asked.accelerator))]
    if differ:
        words = f"{' and '.join(physical)}; the guest sees {model} on both."
        findings.append(finding("processor", both(one, other), True, words))
    return findings


def _processor(seen: Seen, model: str, accelerator: str) -> Findings:
    models = seen.survey.get("cpu_models", {})
    if not models:
        return []  # libvirt offers none on an accelerator that it refuses, which is a finding of its own
    if model not in models:
        words = (
            f"QEMU on {seen.name} does not know the processor model {model}: "
            "set guest.cpu_model to one that both hosts offer (virsh domcapabilities), such as qemu64."
        )
    elif models[model]:
        words = (
            f"{seen.name} can offer the processor model {model} on {accelerator} only without {_first(models[model])}: "
            "set guest.cpu_model to one that virsh domcapabilities shows as usable on both hosts."
        )
    else:
        words = f"{seen.name} offers the processor model {model} on {accelerator}."
        return [finding("processor", seen.name, True, words)]
    return [finding("processor", seen.name, False, words)]


def _first(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def memory(one: Seen, other: Seen, asked: Asked) -> Findings:
    """Is there room for all guests on each end, and for both ends on one machine?"""
    if asked.guest is None:
        return []
    each_mib = asked.guest.memory_mib + OVERHEAD_MIB
    absent = {seen.name: asked.guests - _running(seen, asked.guest.name, asked.guests) for seen in (one, other)}
    if _share_a_kernel(one, other):
        available = min(seen.survey["available_memory_mib"] for seen in (one, other))
        return [_memory(both(one, other), "on the one machine of both", available, sum(absent.values()), each_mib)]
    return [
        _memory(seen.name, "there", seen.survey["available_memory_mib"], absent[seen.name], each_mib)
        for seen in (one, other)
    ]


def _share_a_kernel(one: Seen, other: Seen) -> bool:
    """Whether both are one machine, as containers are: no two machines start in the same fraction of a millisecond."""
    ones, others = one.answers["clock"], other.answers["clock"]
    apart_ns: int = abs(ones.offset_ns - others.offset_ns)
    bound_ns: int = ones.bound_ns + others.bound_ns
    return apart_ns <= bound_ns


def _running(seen: Seen, name: str, guests: int) -> int:
    names = {numbered_name(name, number) for number in range(1, guests + 1)}
    return len(names & set(seen.survey["guests"]))


def _memory(hosts: str, where: str, available_mib: int, guests: int, each_mib: int) -> Finding:
    needed_mib = guests * each_mib
    sentence = (
        f"{hosts}: {available_mib} MiB of memory are available {where}; {needed_mib} MiB are needed,"
        f" {each_mib} MiB for each guest that is to find room"
    )
    if needed_mib <= available_mib:
        return finding("memory", hosts, True, f"{sentence}.")
    return finding("memory", hosts, False, f"{sentence}: lower guest.memory_mib or the number of guests.")


def _facts(one: Seen, other: Seen) -> list[tuple[str, dict[str, str]]]:
    return [(seen.name, dict(seen.facts)) for seen in (one, other)]
