# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this pair of hosts do what will be asked of it?  Asked before the first run, each finding one sentence."""

from __future__ import annotations

from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import HostConnection
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import destination_uri
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy import STRATEGIES, unmet
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed
from ansible_collections.stsm.live_migration.plugins.module_utils._vantage import CLOCK_BOUND_MS

LINK_PORT = 49215
LINK_SECONDS = 2.0


def examine(testbed: Testbed) -> list[dict[str, Any]]:
    """All findings but the link's: ``{"name", "host", "passed", "sentence"}``."""
    findings = []
    for connection in testbed.connections:
        peer = next(c for c in testbed.connections if c is not connection)
        findings += [_reaches(connection, peer), _post_copy(testbed, connection), _clock(connection)]
        findings += _concessions(connection)
    return findings


def versions(testbed: Testbed) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lower libvirt and the lower QEMU of both ends."""
    facts = testbed.facts.values()
    return min(_version(f["libvirt_version"]) for f in facts), min(_version(f["qemu_version"]) for f in facts)


def require(testbed: Testbed, strategy: str, guest: str) -> None:
    """Raise InstrumentError unless both ends can do *strategy*, and a *guest* that runs already can be moved by it."""
    traits = {trait for state in testbed.locate(guest).values() for trait in state["traits"]}
    sentences = unmet(STRATEGIES[strategy], *versions(testbed), traits)  # type: ignore[arg-type]
    if sentences:
        raise InstrumentError(sentences[0])


def measure_link(testbed: Testbed) -> dict[str, float]:
    """Payload in Mbit/s that one TCP stream gets over the migration network, by direction (``A to B``)."""
    return {
        f"{one.host.name} to {other.host.name}": _payload_mbit_per_second(one, other)
        for one, other in (testbed.connections, tuple(reversed(testbed.connections)))
    }


def _payload_mbit_per_second(sender: HostConnection, receiver: HostConnection) -> float:
    address = receiver.host.migration_address
    receiver.call("listen_link", address=address, port=LINK_PORT)
    patience_seconds = LINK_SECONDS + 15
    receiving = receiver.begin("receive_link", patience_seconds=patience_seconds)
    sending = sender.begin(
        "send_link",
        address=address,
        port=LINK_PORT,
        source_address=sender.host.migration_address,
        duration_seconds=LINK_SECONDS,
    )
    sender.finish(sending, "send_link", patience_seconds + 5)
    return round(float(receiver.finish(receiving, "receive_link", patience_seconds + 5)), 1)


def _reaches(connection: HostConnection, peer: HostConnection) -> dict[str, Any]:
    uri = destination_uri(peer.host)
    try:
        connection.call("open_peer", destination_uri=uri)
    except InstrumentError as error:
        return _finding("control connection", connection, False, str(error))
    return _finding("control connection", connection, True, f"{connection.host.name} reaches {uri}.")


def _post_copy(testbed: Testbed, connection: HostConnection) -> dict[str, Any]:
    permission = connection.call("post_copy_permission")
    name = connection.host.name
    if permission["permitted"]:
        return _finding("post-copy", connection, True, f"QEMU on {name} may use userfaultfd by {permission['by']}.")
    return _finding("post-copy", connection, False, f"{name}: {permission['reason']}")


def _clock(connection: HostConnection) -> dict[str, Any]:
    bound_ms = connection.clock.bound_ns / 1e6
    return _finding(
        "clock",
        connection,
        bound_ms <= CLOCK_BOUND_MS,
        f"The clock of {connection.host.name} is known to {bound_ms:.2f} ms; at most {CLOCK_BOUND_MS:g} ms are needed.",
    )


def _concessions(connection: HostConnection) -> list[dict[str, Any]]:
    return [
        _finding("concession", connection, True, f"{connection.host.name} is not an ordinary server: {concession}.")
        for concession in connection.host.concessions
    ]


def _finding(name: str, connection: HostConnection, passed: bool, sentence: str) -> dict[str, Any]:
    return {"name": name, "host": connection.host.name, "passed": passed, "sentence": sentence}


def _version(dotted: str) -> tuple[int, ...]:
    return tuple(int(part) for part in dotted.split("."))
