# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's modules, named once: Ansible ships with a module what is imported by name."""

# ruff: noqa: F401
# pylint: disable=unused-import
from __future__ import annotations

from types import ModuleType

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import (
    _binding,
    _boot_proof,
    _burner,
    _clock,
    _daemon,
    _dirtying,
    _disks,
    _errors,
    _facts,
    _faults,
    _guest_channel,
    _hand_calls,
    _hand_guest,
    _hypervisor,
    _keeper,
    _launcher,
    _libvirt_mover,
    _libvirt_places,
    _link,
    _link_cut,
    _link_limit,
    _load,
    _lock,
    _memory,
    _migration,
    _mover,
    _nova_calls,
    _nova_log,
    _nova_mover,
    _nova_options,
    _offer,
    _path_calls,
    _permission,
    _qemu,
    _qmp,
    _qmp_mover,
    _reach,
    _recovery,
    _restorer,
    _samples,
    _serial_line,
    _session,
    _shared_folder,
    _stall,
    _stream,
    _survey,
    _switch_point,
    _token_bucket,
    _witness,
)

# What is imported above, by name.
AGENT = tuple(
    found
    for _name, found in sorted(globals().items())
    if isinstance(found, ModuleType) and found.__name__.startswith(f"{__package__}._agent.")
)
