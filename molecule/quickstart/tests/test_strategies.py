# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Real migrations by one strategy of each family, and what an eavesdropper on the migration network reads of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from quickstart_hosts import INTERFACE_OF_COMPUTE1, benchmark, scenario
from wire import Capture, pages_in

from ansible_collections.stsm.live_migration.plugins.module_utils import _preflight, _record
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed

# Every tenth of a megabyte of the guest's working set of 64 MiB.
PAGES = range(0, 64 * 256, 1024)


def run(pair: list[Host], folder: Path, strategy: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The record of one run."""
    benchmark(pair, folder, scenario(strategy.pop("name"), chosen=strategy, **sections)).run(fresh=False)
    (*_earlier, record) = _record.read(folder / "runs.jsonl")
    assert record["outcome"] == "completed", record["reason"]
    return record


def failed(record: dict[str, Any]) -> dict[str, str]:
    """What validators found amiss, but for what a busy machine does to rates."""
    amiss = {found["name"]: found["sentence"] for found in record["validators"] if found["passed"] is False}
    return {name: sentence for name, sentence in amiss.items() if name not in ("dirty_rate", "latency_histogram")}


@pytest.mark.parametrize(
    ("strategy", "pages_read"),
    [("pre-copy", len(PAGES)), ("tls-pre-copy", 0), ("tunnelled-pre-copy", 0)],
)
def test_guest_pages_can_be_read_on_the_network_unless_they_are_encrypted(
    pair: list[Host], tmp_path: Path, strategy: str, pages_read: int
) -> None:
    idle = {"working_set_mib": 64, "dirty_rate_mib_per_second": 5}
    with Capture(INTERFACE_OF_COMPUTE1) as capture:
        record = run(pair, tmp_path / "campaign", {"name": strategy}, workload=idle)
    assert failed(record) == {}
    # All of the guest went over this network, whoever could read it.
    assert len(capture.data) > record["summary"]["transferred_bytes"] > 64 << 20
    assert len(pages_in(capture.data, PAGES)) == pages_read


@pytest.mark.parametrize(
    ("strategy", "workload"),
    [
        ({"name": "multifd-hybrid", "channels": 3}, {}),
        ({"name": "auto-converge", "throttle_initial_percent": 80}, {"dirty_rate_mib_per_second": 400}),
        ({"name": "xbzrle"}, {"bytes_per_touch": 24}),
    ],
)
def test_a_strategy_moves_the_guest_whole_and_as_it_says(
    pair: list[Host], tmp_path: Path, strategy: dict[str, Any], workload: dict[str, Any]
) -> None:
    whole = {"working_set_mib": 64, "dirty_rate_mib_per_second": 60, **workload}
    assert failed(run(pair, tmp_path / "campaign", strategy, workload=whole)) == {}


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"name": "tunnelled-hybrid"}, "does not carry post-copy through its tunnel"),
        ({"name": "dirty-limit"}, "The driver libvirt has no way to ask for the strategy dirty-limit"),
        ({"name": "hybrid", "recovers": True}, "crashes when a post-copy is resumed there"),
    ],
)
def test_what_the_distribution_s_stack_cannot_do_is_refused(
    testbed: Testbed, strategy: dict[str, Any], words: str
) -> None:
    asked = scenario(strategy.pop("name"), chosen=strategy)
    with pytest.raises(InstrumentError, match=words):
        _preflight.require(testbed, [asked])
