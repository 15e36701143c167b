# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova-compute was told when it started, held against what a scenario asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._errors import AgentError
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._nova_options import nova_options
from ansible_collections.stsm.live_migration.plugins.module_utils._nova._fit import DEFAULTS, unfit
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario

FITTING = {"virt_type": "qemu", "live_migration_downtime": "300", "live_migration_permit_post_copy": "True"}


def words(given: dict[str, str], strategy: str, **top: Any) -> list[str]:
    scenario = Scenario.from_dict(
        {
            "driver": "nova",
            "link": {"rate_mbit_per_second": 1000},
            "workload": {"dirty_rate_mib_per_second": 10},
            "strategy": {"name": strategy},
            **top,
        }
    )
    return unfit(scenario, "compute1", {**FITTING, **given})


@pytest.mark.parametrize("strategy", ["pre-copy", "hybrid", "post-copy"])
def test_service_that_fits_is_not_complained_of(strategy: str) -> None:
    assert words({}, strategy) == []


@pytest.mark.parametrize(
    ("given", "strategy", "told"),
    [
        ({"live_migration_permit_post_copy": "false"}, "hybrid", "permit_post_copy false, but the scenario needs true"),
        ({}, "auto-converge", "live_migration_permit_auto_converge false, but the scenario needs true"),
        ({}, "tls-hybrid", "live_migration_with_native_tls false, but the scenario needs true"),
        ({"live_migration_tunnelled": "true"}, "pre-copy", "live_migration_tunnelled true, but the scenario needs"),
        ({"live_migration_downtime": "500"}, "pre-copy", "live_migration_downtime 500, but the scenario needs 300"),
        ({"live_migration_bandwidth": "8"}, "hybrid", "live_migration_bandwidth 8, but the scenario needs 0"),
        ({"virt_type": "kvm"}, "pre-copy", "virt_type kvm, but the scenario needs qemu"),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_what_to_set(given: dict[str, str], strategy: str, told: str) -> None:
    (sentence,) = words(given, strategy)
    assert told in sentence
    assert sentence.startswith("nova-compute on compute1 has ")
    assert ": set " in sentence


def test_time_out_that_would_switch_a_pre_copy_is_refused() -> None:
    given = {"live_migration_timeout_action": "force_complete", "live_migration_completion_timeout": "15"}
    assert words(given, "pre-copy", time_limit_seconds=29) == []
    assert words(given, "hybrid", time_limit_seconds=60) == []
    (sentence,) = words(given, "pre-copy", time_limit_seconds=60)
    assert "by force after 30 s, before its time limit of 60 s" in sentence


def test_guests_that_nova_would_let_wait_are_refused() -> None:
    assert words({}, "pre-copy", guests=3, migrations_at_once=1) == []
    assert words({"DEFAULT.max_concurrent_live_migrations": "0"}, "pre-copy", guests=3) == []
    (sentence,) = words({"DEFAULT.max_concurrent_live_migrations": "2"}, "pre-copy", guests=3)
    assert "moves 2 guests at a time (max_concurrent_live_migrations), but the scenario asks for 3" in sentence


def test_options_are_read_where_the_service_itself_reads_them(tmp_path: Path) -> None:
    process = tmp_path / "42"
    (process / "root/etc/nova").mkdir(parents=True)
    command = "/usr/bin/python3\0/usr/bin/nova-compute\0--config-file=/etc/nova/nova.conf\0--config-file\0/etc/nova/b\0"
    (process / "cmdline").write_text(command, encoding="utf-8")
    first = "[DEFAULT]\nlive_migration_downtime = 1\nmax_concurrent_live_migrations = 2\n"
    first += "[libvirt]\nlive_migration_downtime = 400\nvirt_type=kvm\n"
    (process / "root/etc/nova/nova.conf").write_text(first, encoding="utf-8")
    (process / "root/etc/nova/b").write_text("[libvirt]\nvirt_type = qemu\n", encoding="utf-8")
    found = nova_options(DEFAULTS, tmp_path)
    assert found == {
        "live_migration_downtime": "400",
        "virt_type": "qemu",
        "DEFAULT.max_concurrent_live_migrations": "2",
    }


def test_host_without_the_service_says_so(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="No nova-compute runs on the host"):
        nova_options(DEFAULTS, tmp_path)
