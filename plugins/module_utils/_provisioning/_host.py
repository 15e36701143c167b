# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""One virtual host on disk: its folder, its own layer over the shared image, its network namespace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _identity,
    _links,
    _plan,
    _service,
)


@dataclass(frozen=True)
class HostFolder:
    """Where a host is on disk: `host.json` is written first, so a folder says whose it is from its beginning."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "host.json"

    @property
    def upper(self) -> Path:
        return self.path / "upper"

    @property
    def root(self) -> Path:
        return self.path / "root"

    @property
    def namespace(self) -> Path:
        return self.path / "network"

    @property
    def log(self) -> Path:
        return self.path / "console.log"

    def read_record(self) -> dict[str, object]:
        """What the host was made of; empty if it was never begun."""
        if not self.record.is_file():
            return {}
        content: dict[str, object] = json.loads(self.record.read_text(encoding="utf-8"))
        return content

    def processes(self) -> list[int]:
        """The systemd-nspawn that runs this host; none if it does not run."""
        return _service.find("systemd-nspawn", f"--directory={self.root}")


def folder_of(state_folder: Path, name: str) -> HostFolder:
    return HostFolder(state_folder / "hosts" / name)


def definition(testbed: _plan.Testbed, host: _plan.Host) -> dict[str, object]:
    """All that a running host cannot change; it is kept in the host's record and compared."""
    return {
        "prefix": testbed.prefix,
        "image": str(testbed.image),
        "addresses": {name: str(address) for name, address in sorted(host.addresses.items())},
        "networks": {network.name: [network.mtu, network.host_bridge] for network in testbed.networks_of(host)},
        "devices": list(testbed.devices),
        "authorized_key": testbed.authorized_key,
        **({"folders": host.folders} if host.folders else {}),
    }


def check(testbed: _plan.Testbed, host: _plan.Host, wanted: Mapping[str, object]) -> None:
    """Refuse a host of another prefix, and one that was made of something else: none is ever replaced silently."""
    found = folder_of(testbed.state_folder, host.name).read_record()
    if not found:
        return
    if found["prefix"] != testbed.prefix:
        raise MachineError(
            f"{testbed.state_folder} has a host {host.name} of the prefix {found['prefix']}: "
            "set another virtual_hosts_state_folder or another name"
        )
    different = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
    if different:
        raise MachineError(
            f"host {host.name} exists with other {' and '.join(different)} than the inventory has: "
            "run the teardown playbook first"
        )


def is_mounted(folder: HostFolder) -> bool:
    return folder.root.is_dir() and _paths.mounts_below(folder.root) == [folder.root.resolve()]


def prepare(testbed: _plan.Testbed, host: _plan.Host) -> None:
    """Begin the host: its folder, its identity, its layer over the image. Goes on where an earlier try was cut off."""
    folder = folder_of(testbed.state_folder, host.name)
    folder.path.mkdir(parents=True, exist_ok=True)
    _paths.write_file(folder.record, json.dumps(definition(testbed, host), indent=1) + "\n")
    for part in (folder.upper, folder.root, folder.path / "work"):
        part.mkdir(mode=0o755, exist_ok=True)
    if not is_mounted(folder):
        # The identity is laid into the layer while it is not mounted: overlayfs does not allow it afterwards.
        for name, (content, mode) in _identity.identity_files(testbed, host).items():
            _paths.write_file(folder.upper / name, content, mode)
        key = folder.upper / "etc/ssh/ssh_host_ed25519_key"
        key.parent.mkdir(parents=True, exist_ok=True)
        if not key.with_suffix(".pub").is_file():
            for partial in key.parent.glob("ssh_host_*"):
                partial.unlink()
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)])
        layers = f"lowerdir={testbed.image},upperdir={folder.upper},workdir={folder.path / 'work'}"
        run(["mount", "-t", "overlay", f"{testbed.prefix}-{host.name}", "-o", layers, str(folder.root)])
    if not _links.namespace_exists(folder.namespace):
        _links.make_namespace(folder.namespace)


def host_key(folder: HostFolder) -> str:
    """The host's public SSH key, `type base64`; empty before the host is made."""
    path = folder.upper / "etc/ssh/ssh_host_ed25519_key.pub"
    return " ".join(path.read_text(encoding="utf-8").split()[:2]) if path.is_file() else ""


def remove(folder: HostFolder, prefix: str) -> None:
    """Unmount and delete a stopped host."""
    for mounted in _paths.mounts_below(folder.path):
        run(["umount", str(mounted)])
    # What nspawn leaves, by the machine's name; only a host that was booted has left anything.
    for part in ("propagate", "unix-export") if folder.log.is_file() else ():
        leftover = Path("/run/systemd/nspawn") / part / f"{prefix}-{folder.path.name}"
        for mounted in _paths.mounts_below(leftover):
            run(["umount", str(mounted)])
        if leftover.is_dir():
            leftover.rmdir()
    _paths.remove_folder(folder.path)
