# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The identity of a virtual machine: a small disk with the files that make it itself, laid over its system at boot.

The image copies the disk's tree once into a new host's root file system, before systemd starts.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._token_bucket import choose_shape
from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _host,
    _identity,
    _libvirt_plan,
    _networkd_shaping,
    _plan,
)

# The image finds the disk by this label.
_LABEL = "identity"
_DISK_MIB = 4
_MARKER = "etc/virtual-host-identity"
_HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


def machine_files(testbed: _plan.Testbed, host: _plan.Host) -> dict[str, tuple[str, int]]:
    """Files of this host alone, for a machine, which names its interfaces and limits what it sends itself."""
    files = _identity.identity_files(testbed, host)
    folder = _identity.NETWORK_FOLDER
    for network in testbed.networks_of(host):
        # A bridge inside takes over its interface's address, but is of another type.
        match = f"[Match]\nMACAddress={_libvirt_plan.hardware_address(testbed, network, host)}\nType=ether\n"
        files[f"{folder}/50-{network.name}.link"] = (f"{match}\n[Link]\nName={network.name}\n", 0o644)
        rate = network.rate_mbit_per_second
        shape = None if rate is None else choose_shape(rate)
        text, mode = files[f"{folder}/50-{network.name}.network"]
        shaped = text + _networkd_shaping.sections(shape, network.delay_ms, network.mtu)
        files[f"{folder}/50-{network.name}.network"] = (shaped, mode)
    return files


def public_key(folder: _host.HostFolder) -> str:
    """The host's public SSH key, `type base64`; empty before the host is made."""
    path = _public_key_file(folder)
    return " ".join(path.read_text(encoding="utf-8").split()[:2]) if path.is_file() else ""


def is_made(folder: _host.HostFolder) -> bool:
    return _libvirt_plan.identity_disk(folder).is_file()


def make(testbed: _plan.Testbed, host: _plan.Host) -> None:
    """Make the disk with a new SSH host key on it; the private key is nowhere else."""
    folder = _host.folder_of(testbed.state_folder, host.name)
    files = machine_files(testbed, host)
    # A temporary folder is open to its owner alone.
    with tempfile.TemporaryDirectory(prefix=".identity-", dir=str(folder.path)) as temporary:
        tree = Path(temporary, "tree")
        tree.mkdir(mode=0o755)
        _lay(tree, files)
        key = tree / _HOST_KEY
        key.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)])
        # The image lays a tree once; by its digest it tells one that it has laid from another.
        content = {**files, _HOST_KEY: key.read_text(encoding="utf-8")}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        _paths.write_file(tree / _MARKER, digest + "\n")
        disk = Path(temporary, "disk")
        disk.touch(mode=0o600)
        # Without a journal, which could not be replayed: the disk is read-only to its host.
        make_disk = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-L", _LABEL]
        run([*make_disk, "-d", str(tree), str(disk), f"{_DISK_MIB}m"])
        _paths.write_file(_public_key_file(folder), key.with_suffix(".pub").read_text(encoding="utf-8"))
        disk.replace(_libvirt_plan.identity_disk(folder))


def _lay(tree: Path, files: Mapping[str, tuple[str, int]]) -> None:
    """Write the files; their folders get the modes that they have on a Debian system, since they are laid, too."""
    for name, (content, mode) in files.items():
        _paths.write_file(tree / name, content, mode)
    for private in (tree / "root", tree / "root/.ssh"):
        private.chmod(0o700)


def _public_key_file(folder: _host.HostFolder) -> Path:
    return folder.path / "ssh_host_ed25519_key.pub"
