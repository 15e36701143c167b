# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The role nova refuses what a cloud cannot do before it touches a file, sets the rest, and takes it back."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest
from openstack_hosts import Site, play
from own_guest import on

FILES = "cat /etc/nova/nova.conf /etc/nova/nova-compute.conf"


def test_what_libvirt_refuses_is_refused_before_a_file_is_touched(site: Site) -> None:
    before = seen(site)
    words = "live_migration_tunnelled and live_migration_permit_post_copy"
    told = refused("--tags=nova", "--extra-vars={nova_tunnelled: true}")
    assert words in told
    assert seen(site) == before


def test_options_that_the_service_takes_over_are_set_and_taken_back_without_a_restart(site: Site) -> None:
    before = seen(site)
    told = play("cloud", "--tags=nova", "--extra-vars={nova_completion_timeout_seconds: 21}")
    changed = seen(site)
    for host in site.pair:
        assert f"{host.name}: live_migration_completion_timeout: 300 -> 21" in told
        assert "live_migration_completion_timeout = 21" in changed[host.name].options
        assert changed[host.name].process == before[host.name].process
    told = play("cloud", "--tags=nova_restore")
    assert "live_migration_completion_timeout: 21 -> 300" in told
    assert seen(site) == before


def test_options_that_the_service_reads_when_it_starts_restart_it(site: Site) -> None:
    before = seen(site)
    play("cloud", "--tags=nova", "--extra-vars={nova_downtime_ms: 400}")
    changed = seen(site)
    for host in site.pair:
        assert "live_migration_downtime = 400" in changed[host.name].options
        assert changed[host.name].process != before[host.name].process
        assert site.cloud.service_state(host.name) == "up"
    play("cloud", "--tags=nova_restore")
    restored = seen(site)
    for host in site.pair:
        assert restored[host.name].options == before[host.name].options
        assert restored[host.name].process != changed[host.name].process


@dataclass(frozen=True)
class Service:
    """What nova-compute on a host is given, and which process it is."""

    options: str
    process: str


def seen(site: Site) -> dict[str, Service]:
    """The service on each host, by the host's name."""
    process = "systemctl show --property=MainPID nova-compute"
    return {host.name: Service(on(host, FILES), on(host, process)) for host in site.pair}


def refused(*arguments: str) -> str:
    """What a play of the cloud that must fail says, on both of its streams."""
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        play("cloud", *arguments)
    return str(refusal.value.stdout)
