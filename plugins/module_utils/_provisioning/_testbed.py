# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The whole testbed, made and undone. Every step looks first and acts only where something is missing."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Iterator

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _folders,
    _host,
    _libvirt_hosts,
    _libvirt_plan,
    _life,
    _links,
    _plan,
    _relay,
    _shaping,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._changes import Changes

_LOCK_TIMEOUT_SECONDS = 120.0
# What a host's own layer may grow to with QEMU, libvirt and a guest's files.
_HOST_DISK_MIB = 1024


class Testbed:
    """Brings a machine to what a plan wants; `check` only tells. `changes` says what was (or would be) done."""

    def __init__(self, plan: _plan.Testbed, relay: _relay.Relay, check: bool) -> None:
        self._plan = plan
        self._relay = relay
        self._changes = Changes(check)

    @property
    def changes(self) -> list[str]:
        return self._changes.made

    def make(self, boot_timeout_seconds: float) -> None:
        """All networks, the package relay and all hosts, up to the greeting of each host's sshd."""
        plan = self._plan
        joined = {name for host in plan.hosts for name in host.networks}
        for network in plan.networks:
            # A delay on a network that only virtual machines join is not the machine's to add.
            if network.name in joined:
                _shaping.check_delay_is_possible(network.name, network.delay_ms)
        for host in plan.hosts:
            _host.check(plan, host, _host.definition(plan, host))
        new = [host for host in plan.hosts if not self._folder(host).path.is_dir()]
        _paths.require_free_disk(plan.state_folder, _HOST_DISK_MIB * len(new), f"making {len(new)} hosts")
        _links.check_free(plan, _links.read_links())
        _links.make_bridges(plan, self._changes)
        self._changes.do(
            not _relay.is_current(self._relay), "start the package relay", partial(_relay.start, self._relay)
        )
        for host in plan.hosts:
            self._make_host(host)
        if not self._changes.check:
            deadline = time.monotonic() + boot_timeout_seconds
            for host in plan.hosts:
                _life.wait(plan, host, deadline)

    def known_hosts(self) -> list[str]:
        """Lines for ssh's file of known hosts; empty for hosts not made yet."""
        lines = []
        for host in self._plan.hosts:
            key = _host.host_key(self._folder(host))
            if key:
                lines.append(f"{host.addresses[_plan.MANAGEMENT]},{host.name} {key}")
        return lines

    def _folder(self, host: _plan.Host) -> _host.HostFolder:
        return _host.folder_of(self._plan.state_folder, host.name)

    def _make_host(self, host: _plan.Host) -> None:
        folder = self._folder(host)
        whole = _host.is_mounted(folder) and _links.namespace_exists(folder.namespace)
        self._changes.do(not whole, f"make host {host.name}", partial(_host.prepare, self._plan, host))
        for path in host.folders:
            self._changes.do(not Path(path).is_dir(), f"make folder {path}", partial(_folders.make, path))
        links = _links.read_links()
        for network in self._plan.networks_of(host):
            self._make_cable(host, network, links)
        self._changes.do(not folder.processes(), f"boot host {host.name}", partial(_life.start, self._plan, host))

    def _make_cable(self, host: _plan.Host, network: _plan.Network, links: dict[str, dict[str, Any]]) -> None:
        outer = self._plan.outer_interface(network, host)
        namespace = self._folder(host).namespace
        needed = not _links.cable_is_ready(outer, network, links)
        make = partial(_links.make_cable, self._plan.group, network, outer, namespace, links)
        self._changes.do(needed, f"lay cable {outer}", make)
        # A delay is one way: it is added where the host receives.
        exists = not needed or not self._changes.check
        self._shape(_shaping.End(outer, None), network, network.delay_ms, exists)
        self._shape(_shaping.End(network.name, namespace), network, 0.0, exists)

    def _shape(self, end: _shaping.End, network: _plan.Network, delay_ms: float, exists: bool) -> None:
        rate = network.rate_mbit_per_second
        needed = not _shaping.is_shaped(end, rate, delay_ms) if exists else rate is not None
        what = f"shape {end.device} to {'no limit' if rate is None else f'{rate:g} Mbit/s'}"
        self._changes.do(needed, what, partial(_shaping.set_shape, end, rate, delay_ms, network.mtu))


def remove(prefix: str, state_folder: Path, check: bool) -> list[str]:
    """Undo everything of the prefix, however far it had come; what was (or would be) removed."""
    every = [_host.HostFolder(path) for path in sorted((state_folder / "hosts").glob("*"))]
    # A folder without a record was begun and cut off; it holds nothing yet.
    folders = [folder for folder in every if folder.read_record().get("prefix", prefix) == prefix]
    group = _plan.owner_group(prefix, state_folder)
    links = [name for name, link in _links.read_links().items() if _links.is_ours(link, group)]
    removed = [f"host {folder.path.name}" for folder in folders] + [f"interface {name}" for name in links]
    removed += ["package relay"] if _relay.processes(prefix, state_folder) else []
    removed += ["disks"] if _libvirt_plan.disks_folder(prefix, state_folder).is_dir() else []
    if check:
        return removed
    _life.stop_all(folders, prefix)
    _libvirt_hosts.end(prefix, state_folder, [folder.path.name for folder in folders])
    _relay.stop(prefix, state_folder)
    _links.remove_links(group)
    for folder in folders:
        _links.remove_namespace(folder.namespace)
        _host.remove(folder, prefix)
    _libvirt_hosts.remove(prefix, state_folder)
    _relay.remove(prefix, state_folder)
    # The folders stay where something else is in them, and where they are a file system of their own.
    for path in (state_folder / "hosts", state_folder):
        if path.is_dir() and not path.is_mount() and not any(path.iterdir()):
            path.rmdir()
    return removed


@contextmanager
def only_one(state_folder: Path) -> Iterator[None]:
    """Keep a second provision or teardown of the same state out; MachineError if the first takes too long."""
    lock_folder = Path("/run/lock")
    name = str(state_folder).strip("/").replace("/", "-")
    deadline: float | None = None
    with (lock_folder / f"stsm-{name}.lock").open("w", encoding="utf-8") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                deadline = deadline or time.monotonic() + _LOCK_TIMEOUT_SECONDS
                if time.monotonic() > deadline:
                    raise MachineError(
                        f"another provision or teardown of {state_folder} is running: wait for it or end it"
                    ) from error
                time.sleep(0.2)
        yield
