# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent reads out of libvirt's answers, and where it looks for room."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _memory, _qemu, _survey

MACHINES = [
    {"name": "pc-q35-10.0", "alias": "q35", "cpu-max": 288},
    {"name": "pc-i440fx-10.0", "cpu-max": 255},
]
DOMAIN_CAPABILITIES = """
<domainCapabilities><cpu>
  <mode name='host-model' supported='yes'><model>EPYC</model></mode>
  <mode name='custom' supported='yes'>
    <model usable='yes' vendor='unknown'>qemu64</model>
    <model usable='no' vendor='AMD'>EPYC-Milan</model>
    <blockers model='EPYC-Milan'><feature name='vaes'/><feature name='pku'/></blockers>
    <model usable='no' vendor='Intel'>Conroe</model>
    <model usable='unknown' vendor='Intel'>Penryn</model>
  </mode>
</cpu></domainCapabilities>
"""


class Libvirt:
    """A connection that answers as libvirt would."""

    def getDomainCapabilities(self, *_arguments: object) -> str:  # noqa: N802
        return DOMAIN_CAPABILITIES


def test_machine_types_are_read_with_what_they_stand_for() -> None:
    assert _qemu.machine_types(MACHINES) == {
        "q35": "pc-q35-10.0",
        "pc-q35-10.0": "pc-q35-10.0",
        "pc-i440fx-10.0": "pc-i440fx-10.0",
    }


def test_processor_models_are_read_with_what_they_lack() -> None:
    seen = _survey._processors(Libvirt(), "qemu", "tcg")
    assert seen["accelerator_refusal"] is None
    assert seen["cpu_models"] == {
        "qemu64": [],
        "EPYC-Milan": ["vaes", "pku"],
        "Conroe": ["some of its features"],
        "Penryn": [],
    }


def test_room_is_looked_for_where_a_folder_would_be_made(tmp_path: Path) -> None:
    assert _survey.free_mib(tmp_path / "not" / "yet") == _survey.free_mib(tmp_path) > 0
    assert _memory.available_memory_mib() > 0
