# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What virtual machines need before libvirt can define them, and what is left of them after it.

Made are bridges, identity disks and the folder of the storage pool. Whatever would not do is refused before the first.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Iterable

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._memory import available_memory_mib
from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _devices,
    _host,
    _libvirt_identity,
    _libvirt_plan,
    _links,
    _plan,
    _service,
    _shaping,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._changes import Changes

_QEMU = "qemu-system-x86_64"
_KVM = "/dev/kvm"
_SAFE_EMULATION = (8, 1)
_GIB = 1024**3
_MIB_PER_GIB = 1024
# QEMU itself with the cache of translated code that the definition allows it.
_OVERHEAD_MIB = {"kvm": 128, "tcg": 640, "auto": 640}
# Where libvirt keeps what is defined, and what is active, by the kind of object.
_DEFINITIONS = (
    ("domain", "etc/libvirt/qemu"),
    ("network", "etc/libvirt/qemu/networks"),
    ("pool", "etc/libvirt/storage"),
    ("domain", "run/libvirt/qemu"),
    ("network", "run/libvirt/network"),
    ("pool", "run/libvirt/storage"),
)


def prepare(plan: _libvirt_plan.Plan, changes: Changes) -> None:
    """Refuse what will not do, then make what is missing."""
    for machine in plan.machines:
        _host.check(plan.testbed, machine.host, _libvirt_plan.definition(plan, machine))
    _require_accelerator(plan, changes.check)
    _require_one_emulated_processor(plan)
    # A dry run may come before there is an image.
    if not changes.check or plan.testbed.image.is_file():
        _require_image(plan)
    _require_memory(plan)
    _require_disk(plan)
    _links.check_free(plan.testbed, _links.read_links())
    _links.make_bridges(plan.testbed, changes)
    disks = _libvirt_plan.disks_folder(plan.testbed.prefix, plan.testbed.state_folder)
    changes.do(not disks.is_dir(), "make the folder of disks", partial(disks.mkdir, mode=0o711, parents=True))
    for machine in plan.machines:
        made = _libvirt_identity.is_made(_folder(plan, machine))
        changes.do(not made, f"make the identity of host {machine.host.name}", partial(_identify, plan, machine))
    _limit_receiving(plan, changes)


def known_hosts(plan: _libvirt_plan.Plan) -> list[str]:
    """Lines for ssh's file of known hosts; empty for hosts not made yet."""
    keys = [(machine.host, _libvirt_identity.public_key(_folder(plan, machine))) for machine in plan.machines]
    return [f"{host.addresses[_plan.MANAGEMENT]},{host.name} {key}" for host, key in keys if key]


def end(prefix: str, state_folder: Path, names: Iterable[str]) -> None:
    """End the machines of these hosts that still run: libvirt may have been removed before its guests."""
    running = [pid for name in names for pid in _processes(prefix, state_folder, name)]
    survivors = _service.stop(running, [signal.SIGTERM, signal.SIGKILL], 10.0)
    if survivors:
        raise MachineError(f"QEMU (process {survivors[0]}) does not end, not even by SIGKILL: look at dmesg")


def remove(prefix: str, state_folder: Path) -> None:
    """Delete the disks, and definitions that a libvirt which is gone has left."""
    _paths.remove_folder(_libvirt_plan.disks_folder(prefix, state_folder))
    for definition in leftovers(prefix, state_folder, Path("/")):
        definition.unlink()


def leftovers(prefix: str, state_folder: Path, root: Path) -> list[Path]:
    """Files of libvirt that define something of ours, told by the number in them."""
    found = []
    for kind, folder in _DEFINITIONS:
        for path in sorted((root / folder).glob(f"{prefix}*.xml")):
            number = re.search(r"<uuid>([0-9a-f-]+)</uuid>", path.read_text(encoding="utf-8", errors="replace"))
            if number and number.group(1) == _libvirt_plan.uuid_of(prefix, state_folder, kind, path.stem):
                found.append(path)
    return found


def _folder(plan: _libvirt_plan.Plan, machine: _libvirt_plan.Machine) -> _host.HostFolder:
    return _host.folder_of(plan.testbed.state_folder, machine.host.name)


def _limit_receiving(plan: _libvirt_plan.Plan, changes: Changes) -> None:
    """Shape the machine's ends of the cables of machines that run; what hosts send, they limit themselves.

    libvirt could do it, too, but only with a discipline (sfq) that not every kernel has.
    """
    links = _links.read_links()
    for machine in plan.machines:
        for network in plan.testbed.networks_of(machine.host):
            rate = network.rate_mbit_per_second
            device = plan.testbed.outer_interface(network, machine.host)
            end = _shaping.End(device, None)
            if device in links and not _shaping.is_shaped(end, rate, 0.0):
                shape = partial(_shaping.set_shape, end, rate, 0.0, network.mtu)
                changes.do(True, f"shape {device} to {'no limit' if rate is None else f'{rate:g} Mbit/s'}", shape)


def _processes(prefix: str, state_folder: Path, name: str) -> list[int]:
    """The QEMU that runs the machine of a host; libvirt tells it the machine's number."""
    return _service.find(_QEMU, _libvirt_plan.uuid_of(prefix, state_folder, "domain", f"{prefix}-{name}"))


def _identify(plan: _libvirt_plan.Plan, machine: _libvirt_plan.Machine) -> None:
    folder = _folder(plan, machine)
    folder.path.mkdir(parents=True, exist_ok=True)
    # QEMU's own user has to reach the disk in it.
    folder.path.chmod(0o711)
    _paths.write_file(folder.record, json.dumps(_libvirt_plan.definition(plan, machine), indent=1) + "\n")
    _libvirt_identity.make(plan.testbed, machine.host)


def _require_accelerator(plan: _libvirt_plan.Plan, check: bool) -> None:
    if plan.accelerator == "auto" and not check:
        raise MachineError(
            "virtual machines are made on kvm or tcg, not on auto: find out which with accelerator_info, or set "
            "virtual_hosts_accelerator"
        )
    if plan.accelerator == "kvm" and not _devices.exists(_KVM):
        raise MachineError(
            f"virtual_hosts_accelerator is kvm, but the machine has no {_KVM}: set it to auto or tcg, or switch on "
            "virtualisation in the machine's firmware"
        )


def _require_one_emulated_processor(plan: _libvirt_plan.Plan) -> None:
    """Refuse several where QEMU emulates them unsafely.

    Before 8.1 a processor may go on with an instruction that another has just replaced. Linux replaces its own when the
    last guest of a host ends, and panics.
    """
    several = [machine.host.name for machine in plan.machines if machine.vcpus > 1]
    # A dry run may come before there is a QEMU.
    if plan.accelerator != "tcg" or not several or shutil.which(_QEMU) is None:
        return
    version = re.search(r"version (\d+)\.(\d+)", run([_QEMU, "--version"]))
    if version and (int(version.group(1)), int(version.group(2))) < _SAFE_EMULATION:
        raise MachineError(
            f"hosts {' and '.join(several)} are to have several processors, which QEMU {version.group(1)}."
            f"{version.group(2)} emulates unsafely: set virtual_hosts_vcpus (or virtual_host_vcpus of each) to 1, or "
            "install QEMU 8.1 or newer"
        )


def _require_image(plan: _libvirt_plan.Plan) -> None:
    image = plan.testbed.image
    if not image.is_file():
        raise MachineError(f"there is no image {image}: build it with the role host_image (host_image_bootable)")
    size_gib = image.stat().st_size / _GIB
    for machine in plan.machines:
        if machine.disk_gib < size_gib:
            raise MachineError(
                f"host {machine.host.name} is to have a disk of {machine.disk_gib} GiB, but the image has "
                f"{size_gib:.1f} GiB: set virtual_host_disk_gib to that or more"
            )


def _require_memory(plan: _libvirt_plan.Plan) -> None:
    state_folder, prefix = plan.testbed.state_folder, plan.testbed.prefix
    idle = [one for one in plan.machines if not _processes(prefix, state_folder, one.host.name)]
    needed_mib = sum(machine.memory_mib + _OVERHEAD_MIB[plan.accelerator] for machine in idle)
    free_mib = available_memory_mib()
    if needed_mib > free_mib:
        raise MachineError(
            f"the machine has {free_mib} MiB of memory available, but {len(idle)} virtual machines need {needed_mib} "
            "MiB: set less virtual_hosts_memory_mib (or virtual_host_memory_mib of a host), or end something else"
        )


def _require_disk(plan: _libvirt_plan.Plan) -> None:
    """A disk grows to its size while its host lives, so all of it has to be there from the beginning."""
    disks = _libvirt_plan.disks_folder(plan.testbed.prefix, plan.testbed.state_folder)
    needed_mib = 0
    for machine in plan.machines:
        used_mib = 0
        with contextlib.suppress(FileNotFoundError):
            used_mib = (disks / f"{machine.host.name}.qcow2").stat().st_blocks * 512 // 1024**2
        needed_mib += max(0, machine.disk_gib * _MIB_PER_GIB - used_mib)
    _paths.require_free_disk(
        plan.testbed.state_folder, needed_mib, f"holding the disks of {len(plan.machines)} virtual machines"
    )
