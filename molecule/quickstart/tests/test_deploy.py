# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What deploying the quickstart inventory has to bring about on each compute host: effects, not files."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://compute"]

CONTROL_PORT = 16514
MIGRATION_PORT = 49200
QEMU_AS_ITS_USER = (
    "setpriv --reuid=libvirt-qemu --regid=kvm --init-groups --"
    " qemu-system-x86_64 -machine none -nodefaults -display none -incoming defer -qmp stdio"
)


def variables_of(host: Host) -> dict[str, Any]:
    """The host's variables in the inventory."""
    variables: dict[str, Any] = host.ansible.get_variables()
    return variables


@pytest.fixture
def peer(host: Host) -> Host:
    """The other compute host."""
    mine = variables_of(host)
    other = next(name for name in mine["groups"]["compute"] if name != mine["inventory_hostname"])
    return Host.get_host(f"ansible://{other}", ansible_inventory=host.backend.ansible_inventory)


@pytest.fixture
def listener(host: Host) -> Iterator[int]:
    """Somebody who waits on a migration port at every address of the host, as a careless QEMU would."""
    program = f'import socket, time; s = socket.create_server(("", {MIGRATION_PORT})); time.sleep(60)'
    process = host.check_output(f"nohup python3 -c '{program}' >/dev/null 2>&1 & echo $!")
    host.run_expect(
        [0], f"for i in $(seq 50); do ss -ltn | grep -q :{MIGRATION_PORT} && exit 0; sleep 0.1; done; exit 1"
    )
    yield MIGRATION_PORT
    host.run(f"kill {process}")


def opens(host: Host, address: str, port: int) -> bool:
    """Whether a connection from the host to that address is let in."""
    program = f'import socket; socket.create_connection(("{address}", {port}), 3)'
    return bool(host.run(f"python3 -c '{program}'").rc == 0)


def test_qemu_can_do_post_copy_as_its_user(host: Host) -> None:
    wanted = [{"capability": "postcopy-ram", "state": True}]
    requests = [
        {"execute": "qmp_capabilities"},
        {"execute": "migrate-set-capabilities", "arguments": {"capabilities": wanted}},
        {"execute": "quit"},
    ]
    text = "\n".join(json.dumps(request) for request in requests)
    said = host.check_output(f"printf '%s\\n' '{text}' | {QEMU_AS_ITS_USER}")
    assert "error" not in said, said


def test_qemu_has_the_latency_histogram(host: Host) -> None:
    version = host.check_output("qemu-system-x86_64 --version").split()[3]
    assert tuple(map(int, version.split(".")[:2])) >= (10, 1)


def test_libvirt_listens_on_its_own_addresses_only(host: Host) -> None:
    listening = [line.split()[3] for line in host.check_output("ss -ltnH").splitlines()]
    ours = [address for address in listening if address.endswith((f":{CONTROL_PORT}", ":16509"))]
    mine = variables_of(host)
    assert sorted(ours) == sorted(f"{mine[key]}:{CONTROL_PORT}" for key in ("ansible_host", "migration_address"))


def test_tunnel_port_is_open_to_peers_on_the_migration_network(host: Host, peer: Host) -> None:
    assert opens(peer, variables_of(host)["migration_address"], CONTROL_PORT)


def test_host_opens_its_peer_by_name(host: Host, peer: Host) -> None:
    name = variables_of(peer)["inventory_hostname"]
    assert host.check_output(f"virsh --quiet --connect qemu+tls://{name}/system hostname").strip() == name


def test_peer_without_certificate_is_refused(host: Host, peer: Host) -> None:
    name = variables_of(peer)["inventory_hostname"]
    host.run_expect([0], "mkdir -p /tmp/no-certificate && cp /etc/pki/CA/cacert.pem /tmp/no-certificate/")
    refused = host.run(f"virsh --quiet --connect 'qemu+tls://{name}/system?pkipath=/tmp/no-certificate' hostname")
    host.run("rm -r /tmp/no-certificate")
    assert refused.rc != 0


def test_migration_ports_are_open_to_peers_on_the_migration_network_only(host: Host, peer: Host, listener: int) -> None:
    mine = variables_of(host)
    assert opens(peer, mine["migration_address"], listener)
    assert not opens(peer, mine["ansible_host"], listener)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mine["ansible_host"], listener), 3)


def test_control_port_is_closed_to_strangers(host: Host) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((variables_of(host)["ansible_host"], CONTROL_PORT), 3)


def test_keys_are_kept_from_others(host: Host) -> None:
    found = host.check_output("find /etc/pki -name '*key.pem' -printf '%m %u %g %P\\n'").splitlines()
    assert sorted(found) == [
        "600 root root libvirt/private/clientkey.pem",
        "600 root root libvirt/private/serverkey.pem",
        "640 root kvm qemu/client-key.pem",
        "640 root kvm qemu/server-key.pem",
    ]


def test_guests_end_with_their_host(host: Host) -> None:
    assert host.check_output("systemctl is-enabled libvirt-guests.service || true").strip() == "masked"
