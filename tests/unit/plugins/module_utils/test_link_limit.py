# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link is limited only where it can be put back as it was; the texts are what tc 6.15 printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _restorer
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._link_limit import plan
from ansible_collections.stsm.live_migration.plugins.module_utils._source import source_of

TBF = json.loads(
    '{"kind":"tbf","handle":"1:","root":true,"refcnt":3,"options":'
    '{"rate":125000000,"burst":131072,"burst_raw":"4000","lat":20000,"limit":2631072}}'
)
NETEM = {"kind": "netem", "handle": "1:", "root": True, "options": {}}
BEHIND = {**TBF, "root": False, "parent": "1:1", "handle": "10:"}
HTB_CLASS = "class htb 1:1 root prio 0 rate 10Gbit ceil 10Gbit burst 1046250b cburst 1046250b \n"
FORMER = ["rate", "1000000000bit", "burst", "131072", "limit", "2631072"]


def kernels(kind: str, handle: str = "0:") -> list[dict[str, Any]]:
    return [{"kind": kind, "handle": handle, "root": True, "options": {}}]


@pytest.mark.parametrize("kind", ["noqueue", "pfifo_fast", "fq_codel", "fq", "mq"])
def test_what_the_kernel_gave_comes_back_when_ours_goes(kind: str) -> None:
    planned = plan("eth1", kernels(kind), "", 300, 1_000)
    bucket = ["tbf", "rate", "300mbit", "burst", "128kb", "latency", "20ms"]
    assert planned.limit == [["qdisc", "add", "dev", "eth1", "root", "handle", "5354:", *bucket]]
    assert planned.restore == [["qdisc", "delete", "dev", "eth1", "root"]]


def test_a_fast_link_gets_the_bucket_for_its_rate() -> None:
    (discipline, group) = plan("eth1", kernels("mq"), "", 9_000, 10_000).limit
    assert discipline[-3:] == ["htb", "default", "1"]
    assert group[:8] == ["class", "add", "dev", "eth1", "parent", "5354:", "classid", "5354:1"]


@pytest.mark.parametrize(
    ("disciplines", "place"),
    [([TBF], ["root", "handle", "1:"]), ([NETEM, BEHIND], ["parent", "1:1", "handle", "10:"])],
)
def test_a_bucket_that_is_there_is_changed_and_changed_back(disciplines: list[Any], place: list[str]) -> None:
    planned = plan("eth1", disciplines, "", 100, None)
    change = ["qdisc", "change", "dev", "eth1", *place, "tbf"]
    assert planned.limit == [[*change, "rate", "100mbit", "burst", "32kb", "latency", "50ms"]]
    assert planned.restore == [[*change, *FORMER]]


def test_the_bucket_of_a_fast_testbed_gives_way_and_is_made_again() -> None:
    delete = ["qdisc", "delete", "dev", "eth1", "root"]
    planned = plan("eth1", kernels("htb", "1:"), HTB_CLASS, 1_000, None)
    bucket = ["tbf", "rate", "1000mbit", "burst", "128kb", "latency", "20ms"]
    assert planned.limit == [delete, ["qdisc", "add", "dev", "eth1", "root", "handle", "1:", *bucket]]
    (first, discipline, group) = planned.restore
    assert (first, discipline) == (
        delete,
        ["qdisc", "add", "dev", "eth1", "root", "handle", "1:", "htb", "default", "1"],
    )
    assert group[:11] == ["class", "add", "dev", "eth1", "parent", "1:", "classid", "1:1", "htb", "rate", "10000mbit"]
    with pytest.raises(AgentError, match="carries 10000 Mbit/s, but 20000 Mbit/s"):
        plan("eth1", kernels("htb", "1:"), HTB_CLASS, 20_000, None)
    with pytest.raises(AgentError, match="has the queueing discipline htb"):
        plan("eth1", kernels("htb", "1:"), HTB_CLASS * 2, 1_000, None)


@pytest.mark.parametrize(
    ("disciplines", "speed", "words"),
    [
        ([TBF], None, "carries 1000 Mbit/s, but 2000 Mbit/s are asked for"),
        (kernels("mq"), 1_000, "carries 1000 Mbit/s, but 2000 Mbit/s are asked for"),
        (kernels("htb", "1:"), None, "has the queueing discipline htb"),
        (kernels("fq", "8001:"), None, "has the queueing discipline fq, which is not the kernel's own"),
        ([NETEM], None, "has the queueing discipline netem"),
        ([{**TBF, "options": {**TBF["options"], "peakrate": 1}}], None, "has the queueing discipline tbf"),
        ([], None, "has the queueing discipline of no kind"),
    ],
)
def test_what_cannot_be_done_or_undone_is_refused(disciplines: list[Any], speed: float | None, words: str) -> None:
    with pytest.raises(AgentError, match=words):
        plan("eth1", disciplines, "", 2_000, speed)


def test_an_unlimited_virtual_link_takes_any_rate() -> None:
    assert plan("eth1", kernels("noqueue"), "", 2_000, None).limit


def test_the_restorer_runs_all_commands_once_it_is_let_go_of(tmp_path: Path) -> None:
    commands = [["false"], ["touch", str(tmp_path / "done")]]
    restorer = subprocess.Popen(
        [sys.executable, "-c", source_of(_restorer), json.dumps(commands)], stdin=subprocess.PIPE
    )
    with pytest.raises(subprocess.TimeoutExpired):
        restorer.wait(0.5)
    assert not (tmp_path / "done").exists()
    restorer.communicate()
    assert restorer.returncode == 1
    assert (tmp_path / "done").exists()
