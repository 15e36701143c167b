# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the peer can be reached as a migration reaches it: by name, over TLS, by port, in full frames."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import select
import socket
import ssl
import struct
import threading
import time
from typing import Any, Sequence

from ._errors import AgentError

# The first and the last port on which QEMU listens for a migration, as libvirt has it.
MIGRATION_PORTS = (49152, 49215)
_PATIENCE_SECONDS = 2.0
_CERTIFICATES = "/etc/pki/libvirt"
_AUTHORITY = "/etc/pki/CA/cacert.pem"
_FULL_FRAMES = 4
# Of <linux/in.h> and <linux/in6.h>; Python's socket does not name them.
_IP_MTU_DISCOVER, _IP_MTU, _IPV6_MTU_DISCOVER, _IPV6_MTU, _DO = 10, 14, 23, 24, 2


def family(address: str) -> socket.AddressFamily:
    """Of which family an address is."""
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def resolve(name: str) -> list[str]:
    """All addresses that this host takes *name* for."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def own(addresses: Sequence[str]) -> list[str]:
    """Those of *addresses* that are this host's, and not only in its own eyes."""
    return [address for address in addresses if not ipaddress.ip_address(address).is_loopback and _can_bind(address)]


def _can_bind(address: str) -> bool:
    with socket.socket(family(address), socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def free_port(address: str) -> int:
    """The first migration port of *address*, one of this host's, that nobody listens on."""
    for port in range(MIGRATION_PORTS[0], MIGRATION_PORTS[1] + 1):
        try:
            socket.create_server((address, port), family=family(address)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise AgentError(
                    f"{address} cannot be listened on ({error.strerror}): correct migration_address."
                ) from None
        else:
            return port
    first, last = MIGRATION_PORTS
    raise AgentError(f"All migration ports of {address}, {first} to {last}, are in use: end what uses them.")


def peer_certificate_ends(name: str, port: int) -> float | None:
    """When the certificate that the peer's libvirt shows ends, in seconds since 1970; None where nothing listens."""
    try:
        context = ssl.create_default_context(cafile=_AUTHORITY)
        # Python's newest rules refuse authorities that libvirt is content with.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_cert_chain(f"{_CERTIFICATES}/clientcert.pem", f"{_CERTIFICATES}/private/clientkey.pem")
        with socket.create_connection((name, port), _PATIENCE_SECONDS) as plain, context.wrap_socket(
            plain, server_hostname=name
        ) as stream:
            return ssl.cert_time_to_seconds(str((stream.getpeercert() or {})["notAfter"]))
    except ssl.SSLCertVerificationError as error:
        raise AgentError(
            f"The certificate that {name} shows is not accepted ({error.verify_message}): "
            "deploy to both hosts, which lays valid certificates."
        ) from None
    except (ssl.SSLError, FileNotFoundError) as error:
        raise AgentError(
            f"The TLS handshake with {name} on port {port} failed ({error}): "
            "deploy to both hosts, which lays their certificates."
        ) from None
    except OSError:
        return None


class Doorkeeper:
    """Listens on ports of the migration network and returns every byte that comes, until it is closed."""

    def __init__(self, address: str, ports: Sequence[int]) -> None:
        self._sockets = []
        self._threads: list[threading.Thread] = []
        try:
            for port in ports:
                self._sockets.append(socket.create_server((address, port), family=family(address)))
        except OSError as error:
            self.close()
            what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
            raise AgentError(
                f"{address} port {port} {what}: end what uses the migration ports, or correct migration_address."
            ) from None
        self._closing, self._close = socket.socketpair()
        for listener in self._sockets:
            thread = threading.Thread(target=self._serve, args=(listener,), name="doorkeeper", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            ready, _writable, _failed = select.select([listener, self._closing], [], [])
            if self._closing in ready:
                return
            stream, _peer = listener.accept()
            stream.settimeout(2 * _PATIENCE_SECONDS)
            with stream, contextlib.suppress(OSError):
                while True:
                    received = stream.recv(65536)
                    if not received:
                        break
                    stream.sendall(received[:1])

    def close(self) -> None:
        if self._threads:
            self._close.close()
            for thread in self._threads:
                thread.join(3 * _PATIENCE_SECONDS)
            self._closing.close()
        for listener in self._sockets:
            listener.close()


def knock(address: str, ports: Sequence[int], source_address: str) -> dict[str, Any]:
    """What each port of *address* answers: ``{"refusals": {port: words}, "frame": of the first port that answers}``."""
    refusals: dict[str, str] = {}
    frame: dict[str, Any] | None = None
    for port in ports:
        try:
            with socket.create_connection((address, port), _PATIENCE_SECONDS, (source_address, 0)) as stream:
                frame = frame or _send_full_frames(stream)
        except OSError as error:
            refusals[str(port)] = error.strerror or str(error)
    return {"refusals": refusals, "frame": frame}


def _send_full_frames(stream: socket.socket) -> dict[str, Any]:
    """``{"segment_bytes", "arrived", "path_mtu"}``: whether the largest segment both ends agree on gets through.

    Segments are sent one by one and never in fragments: a stream of them would be cut by the interface, or on virtual
    interfaces not at all, and so pass where a frame does not.
    """
    is_ipv6 = stream.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if is_ipv6 else socket.IPPROTO_IP
    stream.setsockopt(level, _IPV6_MTU_DISCOVER if is_ipv6 else _IP_MTU_DISCOVER, _DO)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    segment_bytes = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    arrived = 0
    for _frame in range(_FULL_FRAMES):
        stream.sendall(bytes(segment_bytes))
        remaining_seconds = deadline - time.monotonic()
        stream.settimeout(max(0.01, remaining_seconds))
        try:
            arrived += len(stream.recv(65536))
        except socket.timeout:
            break
    path_mtu = stream.getsockopt(level, _IPV6_MTU if is_ipv6 else _IP_MTU)
    # What is still under way would keep the connection open for minutes.
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return {"segment_bytes": segment_bytes, "arrived": arrived >= _FULL_FRAMES, "path_mtu": path_mtu}
