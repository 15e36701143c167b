# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The link measurement listens where it is told to, over either kind of IP."""

from __future__ import annotations

import socket
import threading

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _link
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_stream_is_measured_over_either_kind_of_ip(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_link, "_WINDOW_SECONDS", 0.02)
    try:
        receiver = _link.LinkReceiver(address, 0)
    except AgentError:
        pytest.skip(f"this machine has no {address}")
    port = receiver._socket.getsockname()[1]
    sender = threading.Thread(target=_link.send_stream, args=(address, port, address, 0.3))
    sender.start()
    assert receiver.measure(timeout_seconds=5.0) > 0
    sender.join()
    receiver.close()


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AgentError, match=f"Cannot listen on 127.0.0.1 port {port}"):
            _link.LinkReceiver("127.0.0.1", port)
