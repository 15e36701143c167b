# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller may ask of the way to the other host; every public method is a call of the protocol."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ._errors import AgentError
from ._link import LinkReceiver, send_stream
from ._reach import LIBVIRT_PORTS, Doorkeeper, knock, open_peer, own, peer_certificate_ends, resolve


class PathCalls:
    """The link measured by a stream, and the peer's names, ports, certificate and libvirt."""

    def __init__(self) -> None:
        self._receiver: LinkReceiver | None = None
        self._doorkeeper: Doorkeeper | None = None

    def listen_link(self, address: str, port: int) -> None:
        self._receiver = LinkReceiver(address, port)

    def receive_link(self, patience_seconds: float) -> float:
        if self._receiver is None:
            raise AgentError("receive_link came before listen_link.")
        try:
            return self._receiver.measure(patience_seconds)
        finally:
            self._receiver.close()
            self._receiver = None

    def send_link(self, address: str, port: int, source_address: str, duration_seconds: float) -> None:
        send_stream(address, port, source_address, duration_seconds)

    def resolve(self, host_name: str) -> list[str]:
        return resolve(host_name)

    def own(self, addresses: list[str]) -> list[str]:
        return own(addresses)

    def open_ports(self, address: str, ports: list[int]) -> None:
        self.close_ports()
        self._doorkeeper = Doorkeeper(address, ports)

    def close_ports(self) -> None:
        if self._doorkeeper is not None:
            self._doorkeeper.close()
            self._doorkeeper = None

    def knock(self, address: str, ports: list[int], source_address: str) -> dict[str, Any]:
        return knock(address, ports, source_address)

    def peer_certificate_ends(self, destination_uri: str) -> float | None:
        address = urlsplit(destination_uri)
        return peer_certificate_ends(address.hostname or "", address.port or LIBVIRT_PORTS[address.scheme])

    def open_peer(self, destination_uri: str) -> str:
        return open_peer(destination_uri)
