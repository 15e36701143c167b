# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On what guests ran: their accelerator, and that of their hosts where these are virtual machines themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping

Facts = Mapping[str, Any]

# What systemd-detect-virt calls a machine that QEMU emulates, and guests call by their accelerator.
_EMULATED = {"qemu": "tcg"}


@dataclass(frozen=True, order=True)
class Accelerator:
    """A guest's accelerator, empty for a site's own guest, and what its hosts run on, empty for iron."""

    name: str
    nested_in: str = ""

    def __str__(self) -> str:
        """What is shown wherever an accelerator is, such as "kvm (nested in tcg)"; empty where nothing is known."""
        return f"{self.name or 'unknown'} (nested in {self.nested_in})" if self.nested_in else self.name

    @property
    def warning(self) -> str:
        """What a reader must know of times that were measured on it; empty for hosts of iron."""
        if not self.nested_in:
            return ""
        name = f"on {self.name} " if self.name else ""
        return f"Guests ran {name}nested in {self.nested_in}: times are not those of hardware."


def virtual_machine_on(facts: Facts) -> str:
    """Return what a host runs on that is a virtual machine; empty for one that is not, and for one of an old record.

    Records that were written before hosts told do not say.
    """
    kind = str(facts.get("virtualization") or "none")
    return "" if kind == "none" else _EMULATED.get(kind, kind)


def accelerator(name: str | None, hosts: Iterable[Facts]) -> Accelerator:
    """Return on what a guest with an accelerator of this name runs on these hosts."""
    kinds = [virtual_machine_on(facts) for facts in hosts]
    outer = " and ".join(sorted({kind for kind in kinds if kind}))
    return Accelerator(name or "", f"{outer} at one end" if outer and not all(kinds) else outer)


def accelerators(records: Iterable[Mapping[str, Any]]) -> list[Accelerator]:
    """Return on what the guests of some records ran, each once."""
    return sorted({accelerator_of(record) for record in records})


def accelerator_of(record: Mapping[str, Any]) -> Accelerator:
    """Return on what a record's guest ran."""
    return accelerator(record["scenario"]["guest"].get("accelerator"), record["hosts"].values())


def in_words(found: Iterable[Accelerator]) -> str:
    """Return what is known of some guests' accelerators, in words."""
    return " and ".join(filter(None, map(str, sorted(set(found)))))
