# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators of what a strategy is made of: it was not only asked for, it took place.

The evidence is what the source's QEMU and its daemon said while the migration ran (``migration.qemu``, ``threads``);
runs from before there was any are not judged.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._observed import (
    Finding,
    Observation,
    largest,
    pauses_ns,
    succeeded,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import StrategyChoice, read_choice
from ansible_collections.stsm.live_migration.plugins.module_utils._summary import daemon_delta

# A tunnel's messages pass through the daemon whole; its own reading beside them only adds.
TUNNELLED_SHARE = 0.9


def in_force(observation: Observation) -> Finding:
    """The source's QEMU ran with all that the strategy sets."""
    name, choice, seen = "in_force", _choice(observation), _seen(observation)
    if not seen.get("capabilities"):
        return Finding(name, None, "What QEMU ran with was not recorded.")
    off = sorted(set(choice.row.qmp_capabilities) - set(seen["capabilities"]))
    wanted, found = choice.row.qmp_parameters(choice.options), seen["parameters"]
    # Of credentials only whether there are any: each level names its own.
    other = [
        f"{key} {found.get(key)}"
        for key, value in wanted.items()
        if (not found.get(key) if key == "tls-creds" else found.get(key) != value)
    ]
    if off or other:
        told = ", ".join([*(f"{capability} off" for capability in off), *other])
        return Finding(name, False, f"QEMU ran with {told}, which is not what {choice.name} asks for.")
    settings = [*choice.row.qmp_capabilities, *wanted]
    return Finding(name, True, f"QEMU ran with what was asked for ({', '.join(settings) or 'no capability'}).")


def throttled(observation: Observation) -> Finding:
    """The guest was slowed down where that is the strategy."""
    name, choice = "throttled", _choice(observation)
    if not {"auto-converge", "dirty-limit"} & set(choice.row.features):
        return Finding(name, None, "No throttle was asked for.")
    percent = largest(observation, "auto_converge_throttle_percent") or 0
    limited_us = _statistics(observation).get("dirty-limit-throttle-time-per-round") or 0
    if percent or limited_us:
        return Finding(name, True, f"The guest was slowed down, by up to {percent} %." if percent else "It was slowed.")
    return Finding(name, False, f"The {choice.name} migration was in fact pre-copy: the guest was never slowed down.")


def channels_used(observation: Observation) -> Finding:
    """As many connections were open at once as the strategy has channels."""
    name, choice = "channels_used", _choice(observation)
    if "channels" in choice.options:
        wanted = choice.options["channels"] + 1
    elif "preempt" in choice.row.features:
        wanted = 2
    else:
        return Finding(name, None, "One connection is all that was asked for.")
    found = _seen(observation).get("connections", 0)
    return Finding(name, found >= wanted, f"QEMU had {found} connections at once; {choice.name} needs {wanted}.")


def xbzrle_used(observation: Observation) -> Finding:
    """Pages were sent as what has changed of them."""
    name, choice = "xbzrle_used", _choice(observation)
    if "xbzrle" not in choice.row.features:
        return Finding(name, None, "No xbzrle was asked for.")
    pages, missed = largest(observation, "xbzrle_pages") or 0, largest(observation, "xbzrle_cache_misses") or 0
    return Finding(name, pages > 0, f"{pages} pages were sent as changes, {missed} looked for in vain in the cache.")


def zero_copied(observation: Observation) -> Finding:
    """The kernel sent pages without copying them."""
    name, choice = "zero_copied", _choice(observation)
    if "zero-copy" not in choice.row.features:
        return Finding(name, None, "Zero-copy was not asked for.")
    memory = _statistics(observation).get("ram") or {}
    passes, copied = memory.get("dirty-sync-count") or 0, memory.get("dirty-sync-missed-zero-copy") or 0
    words = f"The kernel copied after all in {copied} of {passes} passes."
    return Finding(name, copied < passes, words)


def encrypted(observation: Observation) -> Finding:
    """QEMU itself encrypted the stream."""
    name, choice = "encrypted", _choice(observation)
    if "tls" not in choice.row.features:
        return Finding(name, None, "Native TLS was not asked for.")
    seen = _seen(observation)
    credentials, connections = (seen.get("parameters") or {}).get("tls-creds"), seen.get("connections", 0)
    words = f"QEMU had {connections} connections, with {'the credentials ' + credentials if credentials else 'no TLS'}."
    return Finding(name, bool(credentials) and connections > 0, words)


def tunnelled(observation: Observation) -> Finding:
    """The stream went through libvirt and not from QEMU to QEMU."""
    name, choice = "tunnelled", _choice(observation)
    if "tunnel" not in choice.row.features:
        return Finding(name, None, "No tunnel was asked for.")
    connections, sent = _seen(observation).get("connections", 0), largest(observation, "memory_processed_bytes") or 0
    through = daemon_delta(observation, "source", "read_bytes") or 0
    words = f"QEMU had {connections} connections of its own, and libvirt's daemon took over {through} of {sent} bytes."
    return Finding(name, connections == 0 and through >= TUNNELLED_SHARE * sent > 0, words)


def recovered(observation: Observation) -> Finding:
    """A post-copy that broke went on, and came to its end."""
    name = "recovered"
    found = pauses_ns(observation)
    if not found:
        return Finding(name, None, "The stream did not break after the switch.")
    mended = [end_ns - start_ns for start_ns, end_ns in found if end_ns is not None]
    times = "once" if len(found) == 1 else f"{len(found)} times"
    went_on = f"went on after {sum(mended) / 1e6:.0f} ms" if len(mended) == len(found) else "did not go on"
    good = len(mended) == len(found) and succeeded(observation)
    return Finding(name, good, f"The stream broke {times} after the switch and {went_on}.")


def _choice(observation: Observation) -> StrategyChoice:
    return read_choice(observation["scenario"]["strategy"])


def _seen(observation: Observation) -> Mapping[str, Any]:
    return observation["migration"].get("qemu") or {}


def _statistics(observation: Observation) -> Mapping[str, Any]:
    return _seen(observation).get("statistics") or {}
