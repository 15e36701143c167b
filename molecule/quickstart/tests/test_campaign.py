# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Campaigns on real hosts: nothing is lost and nothing is made twice, whatever cuts them off."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from measured_pair import begin_module
from quickstart_hosts import GUEST_ADDRESS

from ansible_collections.stsm.live_migration.plugins.module_utils import _record
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign import Campaign
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_folder import CampaignFolder
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed

SITE: dict[str, Any] = {"link": {"rate_mbit_per_second": 1000}}
PAYLOAD_MBIT_PER_SECOND = 956.5


def definition(**changes: Any) -> dict[str, Any]:
    """A campaign of two cells with a small guest, as short as runs can be."""
    return {
        "axes": {"strategy": ["hybrid", "stop-and-copy"], "dirty_rate_mib_per_second": [60]},
        "scenario": {"guest": {"memory_mib": 256}, "workload": {"working_set_mib": 64}},
        "warm_up_seconds": 1,
        **changes,
    }


def campaign(pair: list[Host], folder: Path, asked: dict[str, Any]) -> Campaign:
    return Campaign(
        hosts=pair,
        definition=Definition.from_dict(asked),
        site=SITE,
        folder=CampaignFolder(folder),
        guest_address=GUEST_ADDRESS,
        payload_mbit_per_second=PAYLOAD_MBIT_PER_SECOND,
        calibrates=False,
    )


def begin(pair: list[Host], folder: Path, asked: dict[str, Any]) -> subprocess.Popen[bytes]:
    """The module campaign in a process of its own."""
    return begin_module(
        "campaign",
        pair,
        definition=asked,
        site=SITE,
        results=str(folder),
        guest_address=GUEST_ADDRESS,
        payload_mbit_per_second=PAYLOAD_MBIT_PER_SECOND,
        calibrate=False,
    )


def wait_for_runs(module: subprocess.Popen[bytes], folder: Path, number: int) -> None:
    """Return when the campaign goes on after this many recorded runs."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and module.poll() is None:
        if (folder / "runs.jsonl").exists() and len(_record.read(folder / "runs.jsonl")) >= number:
            time.sleep(2)
            return
        time.sleep(0.1)
    raise AssertionError("the campaign made no run")


def valid_runs(folder: Path) -> Counter[tuple[str, int]]:
    """How often each run was recorded as valid."""
    records = _record.read(folder / "runs.jsonl")
    return Counter((r["scenario"]["strategy"]["name"], r["scenario"]["repetition"]) for r in records if r["valid"])


def test_killed_campaign_goes_on_without_losing_or_doubling_a_run(pair: list[Host], tmp_path: Path) -> None:
    folder, asked = tmp_path / "killed", definition(repetitions=2)
    module = begin(pair, folder, asked)
    wait_for_runs(module, folder, 1)
    module.kill()
    module.wait()
    before = (folder / "runs.jsonl").read_bytes()
    with (folder / "runs.jsonl").open("ab") as file:
        file.write(b'{"schema_version":2,"run_id":"of a writer that was ki')
    deadline = time.monotonic() + 60
    while True:
        try:
            result = campaign(pair, folder, asked).run()
            break
        except InstrumentError as error:
            # The agents of the one that was killed abort what is under way before they let go.
            if "being measured" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)
    assert (folder / "runs.jsonl").read_bytes().startswith(before)
    assert (result["planned"], result["left"], result["failures"]) == (4, 0, [])
    assert result["recorded_before"] == sum(record["valid"] for record in map(json.loads, before.splitlines()))
    runs = valid_runs(folder)
    assert set(runs.values()) <= {1}, "a finished run was made again"
    # A machine that pauses may spoil a run and its second try; what is there is asked for once more then.
    again = campaign(pair, folder, asked).run()
    assert again["recorded_before"] == len(runs)
    assert again["measured"] == 4 - len(runs)


def test_campaign_that_loses_a_host_waits_for_it_if_it_is_to(pair: list[Host], tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    module = begin(pair, folder, definition(when_a_host_is_lost="wait"))
    wait_for_runs(module, folder, 1)
    subprocess.run(["pkill", "--parent", str(module.pid), "--exact", "ssh"], check=True)
    told = json.loads(module.communicate(timeout=180)[0])
    progress = (folder / "progress.log").read_text(encoding="utf-8")
    assert "no longer answers" in progress
    assert told["left"] == 0, told
    completed = [
        r["scenario"]["strategy"]["name"] for r in _record.read(folder / "runs.jsonl") if r["outcome"] == "completed"
    ]
    assert set(completed) == {"hybrid", "stop-and-copy"}, progress


def test_second_campaign_on_the_same_hosts_is_told_who_holds_them(
    testbed: Testbed, pair: list[Host], tmp_path: Path
) -> None:
    with pytest.raises(InstrumentError, match="being measured by a test"):
        campaign(pair, tmp_path / "second", definition()).run()
    assert not (tmp_path / "second/campaign.yml").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with room for few records."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_record.LEAST_FREE_BYTES + (64 << 10)}", "tmpfs", folder], check=True
    )
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_ends_a_campaign_with_what_it_has(pair: list[Host], small_disk: Path) -> None:
    with pytest.raises(InstrumentError, match=r"MiB free, but 16 MiB are needed: free some space"):
        campaign(pair, small_disk / "full", definition(repetitions=3)).run()
    records = _record.read(small_disk / "full/runs.jsonl")
    assert 1 <= len(records) < 6
    with pytest.raises(InstrumentError, match="free some space"):
        campaign(pair, small_disk / "full", definition(repetitions=3)).run()
    assert len(_record.read(small_disk / "full/runs.jsonl")) == len(records)
