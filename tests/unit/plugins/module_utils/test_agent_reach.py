# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent sees of its peer: ports, full frames, names, over either version of IP."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _reach
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError


@pytest.fixture(params=["127.0.0.1", "::1"])
def address(request: pytest.FixtureRequest) -> str:
    """An address of this machine, if it has the version of IP."""
    chosen: str = request.param
    with socket.socket(_reach.family(chosen)) as probe:
        try:
            probe.bind((chosen, 0))
        except OSError:
            pytest.skip(f"{chosen} is not there")
    return chosen


@pytest.fixture
def ports(address: str) -> list[int]:
    """Two ports that are free."""
    with socket.socket(_reach.family(address)) as one, socket.socket(_reach.family(address)) as other:
        for probe in (one, other):
            probe.bind((address, 0))
        return [one.getsockname()[1], other.getsockname()[1]]


@pytest.fixture
def doorkeeper(address: str, ports: list[int]) -> Iterator[_reach.Doorkeeper]:
    """Somebody who listens on both."""
    keeper = _reach.Doorkeeper(address, ports)
    yield keeper
    keeper.close()


def test_open_ports_answer_and_full_frames_arrive(
    address: str, ports: list[int], doorkeeper: _reach.Doorkeeper
) -> None:
    seen = _reach.knock(address, ports, address)
    assert seen["refusals"] == {}
    assert seen["frame"]["arrived"]
    # The loopback's MTU.
    assert seen["frame"]["path_mtu"] >= seen["frame"]["segment_bytes"] > 1500


def test_port_in_use_is_named(address: str, ports: list[int], doorkeeper: _reach.Doorkeeper) -> None:
    with pytest.raises(AgentError, match=f"{address} port {ports[1]} is in use"):
        _reach.Doorkeeper(address, ports[1:])


def test_ports_close_again(address: str, ports: list[int]) -> None:
    _reach.Doorkeeper(address, ports).close()
    seen = _reach.knock(address, ports, address)
    assert seen == {"refusals": {str(port): "Connection refused" for port in ports}, "frame": None}


def test_address_of_nobody_cannot_be_listened_on() -> None:
    with pytest.raises(AgentError, match=r"192\.0\.2\.1 port 49152 cannot be listened on .*: .*migration_address"):
        _reach.Doorkeeper("192.0.2.1", [49152])


def test_names_and_addresses() -> None:
    assert set(_reach.resolve("localhost")) & {"127.0.0.1", "::1"}
    assert _reach.resolve("no-such-host.invalid") == []
    # Loopback is everybody's, and so proves nothing.
    assert _reach.own(["127.0.0.1", "::1", "192.0.2.1"]) == []


def test_handshake_without_certificates_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reach, "_AUTHORITY", "/nowhere/cacert.pem")
    with pytest.raises(AgentError, match="TLS handshake with somewhere on port 1 failed .*: deploy to both hosts"):
        _reach.peer_certificate_ends("somewhere", 1)
