# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what the hosts of two sites differ: each fact that a migration may depend on, with the values at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record, flat
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import accelerators, in_words

# Facts by the key in a record's hosts, in the order in which they matter; keys below "sysctls." are told as they are.
FACTS: dict[str, str] = {
    "qemu_version": "QEMU",
    "qemu_build_id": "QEMU's build id",
    "libvirt_version": "libvirt",
    "libvirt_build_id": "libvirt's build id",
    "kernel": "kernel",
    "cpu_model": "CPU",
    "microcode": "microcode",
    "cpus": "processors",
    "cpu_governor": "CPU governor",
    "memory_mib": "memory, MiB",
    "transparent_huge_pages": "transparent huge pages",
    "nic.driver": "NIC driver",
    "nic.speed_mbit_per_second": "NIC speed, Mbit/s",
    "nic.mtu": "NIC MTU",
    "virtualization": "virtualization of the hosts",
    "container": "container of the hosts",
    "concessions": "concessions",
    "operating_system": "operating system",
    "workload_digest": "workload guest",
}


@dataclass(frozen=True)
class Drift:
    """One fact with the values that it has at two sites."""

    fact: str
    here: list[str]
    there: list[str]

    @property
    def is_same(self) -> bool:
        """Whether the two sites have the same values."""
        return self.here == self.there


def drift(here: Sequence[Record], there: Sequence[Record]) -> list[Drift]:
    """Return each fact that either site tells, the same ones included."""
    facts = [_facts(here), _facts(there)]
    keys = [*FACTS, *sorted({key for known in facts for key in known if key.startswith("sysctls.")})]
    found = [
        Drift("accelerator of the guests", _accelerator(here), _accelerator(there)),
        Drift("payload rate of the link, Mbit/s", _payload(here), _payload(there)),
        *(Drift(FACTS.get(key, key.partition(".")[2]), *(known.get(key, []) for known in facts)) for key in keys),
    ]
    return [one for one in found if one.here or one.there]


def _accelerator(records: Sequence[Record]) -> list[str]:
    """Return on what a site's guests ran."""
    words = in_words(accelerators(records))
    return [words] if words else []


def _payload(records: Sequence[Record]) -> list[str]:
    """Return the lowest and the highest payload rate that a site measured, to the Mbit/s."""
    rates = [record["scenario"]["link"]["payload_mbit_per_second"] for record in records]
    known = sorted(round(rate) for rate in rates if rate)
    return [f"{known[0]} to {known[-1]}" if known[0] != known[-1] else str(known[0])] if known else []


def _facts(records: Sequence[Record]) -> dict[str, list[str]]:
    """Return the distinct values of each fact over all hosts of all runs."""
    found: dict[str, set[str]] = {}
    for facts in {id(host): host for record in records for host in record["hosts"].values()}.values():
        for key, value in flat(facts).items():
            if value not in (None, "", []):
                found.setdefault(key, set()).add(_text(value))
    return {key: sorted(values) for key, values in found.items()}


def _text(value: Any) -> str:
    """Return a fact as people write it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return " ".join(str(value).split())


def told(found: Sequence[Drift]) -> Mapping[str, Mapping[str, list[str]]]:
    """Return the facts that differ, in JSON types."""
    return {one.fact: {"here": one.here, "there": one.there} for one in found if not one.is_same}
