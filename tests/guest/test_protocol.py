# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Ready line, commands, refusals, and a control port that people come to and leave."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from guest.machine import Machine

pytestmark = pytest.mark.guest

_READY_SECONDS = 10.0
_BOOTS = 3
# A boot that waited longer than this for a processor says something about the machine only.
_DISTURBED_SECONDS = 1.0
# The guest looks every 20 ms whether somebody is at its port. Visitors that follow each other sooner are one to it, as
# are those of a machine that kept the processor from it meanwhile.
_LOOK_SECONDS = 0.8


def test_ready_in_under_ten_seconds(image: Path, tmp_path: Path) -> None:
    """The best of a few boots counts, and none where the machine made QEMU wait for a processor."""
    slow: list[str] = []
    for boot in range(_BOOTS):
        machine = Machine(image, tmp_path, f"boot-{boot}")
        try:
            line, took = machine.wait_until_ready()
            waited = machine.waited_ns() / 1e9
        finally:
            machine.stop()
        if took < _READY_SECONDS:
            break
        assert waited > _DISTURBED_SECONDS, f"{took:.1f} s"
        slow.append(f"{took:.1f} s, {waited:.1f} s of them without a processor")
    if len(slow) == _BOOTS:
        pytest.skip(f"the machine paused QEMU in each boot: {'; '.join(slow)}")
    manifest = json.loads((image / "workload.json").read_text())
    assert line == {
        **{"sequence": 0, "guest_ns": line["guest_ns"], "kind": "ready", "version": manifest["protocol_version"]},
        **{"page_bytes": 4096, "working_set_mib": 256, "pages": 65536, "boot_ms": line["boot_ms"]},
        **{"kernel": manifest["kernel_release"], "interface": "eth0"},
    }
    assert 0 < line["boot_ms"] <= line["guest_ns"] / 1e6


def test_configured_echoes_everything(guest: Machine) -> None:
    wanted: dict[str, Any] = {
        **{
            "rate_mib_per_second": 12.5,
            "grain_ms": 10,
            "working_set_mib": 128,
            "pattern": "hot-set",
            "bytes_per_touch": 128,
        },
        **{"entropy_bits_per_byte": 4.5, "hot_set_percent": 5, "hot_touch_percent": 80},
    }
    answer = guest.command("configure", **wanted)
    assert answer["kind"] == "configured"
    assert {key: answer[key] for key in wanted} == wanted
    assert answer["pages"] == 128 * 256
    kept = guest.command("configure", pattern="idle")
    assert {key: kept[key] for key in wanted} == {**wanted, "pattern": "idle"}
    usual = guest.command("configure", working_set_mib=256, bytes_per_touch=64, entropy_bits_per_byte=8)
    assert usual["refilled"] is True
    assert usual["pages"] == 65536


def test_refill_only_when_the_content_changes(guest: Machine) -> None:
    guest.command("configure", pattern="idle", rate_mib_per_second=10, hot_set_percent=10, hot_touch_percent=90)
    assert guest.command("configure", rate_mib_per_second=20)["refilled"] is False
    assert guest.command("configure", hot_set_percent=20)["refilled"] is False
    assert guest.command("configure", bytes_per_touch=72)["refilled"] is True
    assert guest.command("configure", bytes_per_touch=64)["refilled"] is True


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("dance", {}, "the command is 'dance'"),
        ("configure", {"rate_mib_per_second": -1}, "rate_mib_per_second is '-1': give a number from 0"),
        ("configure", {"colour": "red"}, "the key 'colour' is unknown to configure"),
        ("configure", {"pattern": "zigzag"}, "pattern is 'zigzag'"),
        ("configure", {"working_set_mib": 480}, "a working set of 480 MiB was asked for"),
        ("inject", {"page": 1 << 40, "fault": "stale"}, "page is '1099511627776'"),
        ("report", {"page": 1}, "the key 'page' is unknown to report"),
    ],
)
def test_wrong_commands_are_refused(guest: Machine, command: str, words: dict[str, Any], said: str) -> None:
    answer = guest.command(command, **words)
    assert answer["kind"] == "refused"
    assert said in answer["message"]


def test_line_without_id_is_refused(guest: Machine) -> None:
    with guest.visitor() as control:
        control.sendall(b"command=mark\n")
        answer = guest.wait_for_line(20, kind="refused", id=None)
    assert "no id" in answer["message"]


def test_control_port_survives_visitors(guest: Machine) -> None:
    """Half a line, nothing at all, a line too long, and two lines at once."""
    with guest.visitor() as control:
        control.sendall(b"id=999 command=ma")
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LOOK_SECONDS)
    with guest.visitor():
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LOOK_SECONDS)
    assert guest.command("mark")["kind"] == "marked"
    with guest.visitor() as control:
        control.sendall(b"x" * 5000 + b"\n")
        guest.wait_for_line(20, kind="refused", message="the line is too long: give at most 1023 characters")
        control.sendall(b"id=100001 command=mark\nid=100002 command=verify\n")
        assert guest.wait_for_line(20, id=100001)["kind"] == "marked"
        assert guest.wait_for_line(20, id=100002)["kind"] == "verified"
    assert not [line for line in guest.lines() if line.get("id") == 999]


def test_sequence_has_no_gaps_and_time_goes_on(guest: Machine) -> None:
    for _command in range(20):
        guest.command("mark")
    lines = guest.lines()
    assert [line["sequence"] for line in lines] == list(range(len(lines)))
    assert [line["guest_ns"] for line in lines] == sorted(line["guest_ns"] for line in lines)
