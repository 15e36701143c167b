# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask both hosts all that checks judge, at once where it does not disturb, and keep why a question got no answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Callable, Iterable, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._reach import MIGRATION_PORTS
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._host import FOLDERS, lacks_kvm
from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import Asked, Seen
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import destination_uri
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_gate import question as offer_question


def at_once(work: Callable[..., Any], *columns: Iterable[Any]) -> list[Any]:
    """What *work* returns for each host, done for all hosts at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, *columns))


def look(
    connections: Sequence[HostConnection], facts: Sequence[dict[str, Any]], asked: Asked
) -> tuple[list[Seen], Asked]:
    """Ask each host for itself and, where there are two, of its peer.

    What is asked is returned as well, with the accelerator that was chosen if that was left to the hosts.
    """
    seen = [Seen(c.host, {"facts": f}) for c, f in zip(connections, facts)]
    if asked.chooses_accelerator:
        asked = _choose_accelerator(connections, seen, asked)
    at_once(lambda connection, one: _look_at_host(connection, one, asked), connections, seen)
    if len(connections) == 2:
        _look_at_path(connections, seen)
    if asked.guest is not None and asked.boot_limit_seconds is not None:
        at_once(lambda connection, one: _prove_accelerator(connection, one, asked), connections, seen)
    return seen, asked


def _ask(seen: Seen, question: str, ask: Callable[[], Any]) -> None:
    try:
        seen.answers[question] = ask()
    except InstrumentError as error:
        seen.refusals[question] = str(error)


def _look_at_host(connection: HostConnection, seen: Seen, asked: Asked) -> None:
    emulator = seen.facts["qemu_binary"]
    seen.answers["clock"] = connection.clock
    _ask(seen, "wall_offset_seconds", lambda: _wall_offset_seconds(connection))
    _ask(seen, "permission", lambda: connection.call("post_copy_permission", emulator=emulator))
    question: dict[str, Any] = {"emulator": emulator, "accelerator": asked.accelerator, "folders": FOLDERS}
    _ask(seen, "survey", lambda: connection.call("survey", **question))
    ask_offer(connection, seen, tuple(STRATEGIES), asked)


def ask_offer(connection: HostConnection, seen: Seen, strategies: Sequence[str], asked: Asked) -> None:
    """What the host really offers to migrations by these strategies, of the guest that is asked for."""
    memory_mib = asked.guest.memory_mib if asked.guest else None
    # Without KVM there is no dirty ring to try, and QEMU would not even start.
    tried = [name for name in strategies if "dirty-ring" not in STRATEGIES[name].needs or asked.accelerator == "kvm"]
    question = {"emulator": seen.facts["qemu_binary"], **offer_question(tried, memory_mib)}
    _ask(seen, "offer", lambda: connection.call("offer", **question))


def _wall_offset_seconds(connection: HostConnection) -> float:
    before_ns = time.time_ns()
    there_ns: int = connection.call("wall_clock")
    return (there_ns - (before_ns + time.time_ns()) // 2) / 1e9


def _choose_accelerator(connections: Sequence[HostConnection], seen: Sequence[Seen], asked: Asked) -> Asked:
    """Try kvm, the guest's accelerator so far, on each host, and turn to tcg at the first that lacks it.

    One host after the other: two that are virtual machines on one machine would slow each other down, and a kvm that is
    good enough for a guest would be taken for one that is not.
    """
    for connection, one in zip(connections, seen):
        _prove_accelerator(connection, one, asked)
        if "boot_proof" in one.answers:
            one.answers["kvm_proof"] = one.answers["boot_proof"]
        if lacks_kvm(one):
            break
    if asked.guest is None or not any(lacks_kvm(one) for one in seen):
        return asked
    for one in seen:
        one.answers.pop("boot_proof", None)
    return replace(asked, guest=replace(asked.guest, accelerator="tcg"))


def _prove_accelerator(connection: HostConnection, seen: Seen, asked: Asked) -> None:
    """Boot a guest, unless that was tried already."""
    if "boot_proof" in seen.answers or "boot_proof" in seen.refusals:
        return
    limit_seconds = asked.boot_limit_seconds or 0.0
    question: dict[str, Any] = {
        "emulator": seen.facts["qemu_binary"],
        "accelerator": asked.accelerator,
        "limit_seconds": limit_seconds,
        "timeout_seconds": limit_seconds * 3 + 10,
    }
    _ask(seen, "boot_proof", lambda: connection.call("boot_proof", **question))


def _look_at_path(connections: Sequence[HostConnection], seen: Sequence[Seen]) -> None:
    """What each host sees of the other; every step is done by both before the next one begins."""
    peers = list(reversed(connections))
    at_once(_listen, connections, seen)
    at_once(_look_at_peer, connections, peers, seen)
    at_once(_knock, connections, peers, seen, list(reversed(seen)))
    at_once(lambda connection: connection.call("close_ports"), connections)
    at_once(_own_addresses, peers, seen)


def _listen(connection: HostConnection, seen: Seen) -> None:
    address = connection.host.migration_address
    _ask(seen, "listening", lambda: connection.call("open_ports", address=address, ports=MIGRATION_PORTS))


def _look_at_peer(connection: HostConnection, peer: HostConnection, seen: Seen) -> None:
    called, uri = peer.host.libvirt_name or peer.host.name, destination_uri(peer.host)
    _ask(seen, "peer_addresses", lambda: connection.call("resolve", host_name=called))
    _ask(seen, "peer_reached", lambda: connection.call("open_peer", destination_uri=uri))
    if peer.host.libvirt_transport == "tls":
        _ask(seen, "certificate_ends", lambda: connection.call("peer_certificate_ends", destination_uri=uri))


def _knock(connection: HostConnection, peer: HostConnection, seen: Seen, peer_seen: Seen) -> None:
    if "listening" not in peer_seen.answers:
        return
    question: dict[str, Any] = {
        "address": peer.host.migration_address,
        "ports": MIGRATION_PORTS,
        "source_address": connection.host.migration_address,
    }
    _ask(seen, "knock", lambda: connection.call("knock", **question))


def _own_addresses(peer: HostConnection, seen: Seen) -> None:
    addresses = seen.answers.get("peer_addresses", [])
    _ask(seen, "addresses_of_peer", lambda: peer.call("own", addresses=addresses))
