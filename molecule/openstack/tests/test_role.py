# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The role nova sets options where a cloud has them, proves them, and takes the former ones back by one tag."""

from __future__ import annotations

import subprocess

import pytest
from openstack_hosts import Site, play
from own_guest import on

OPTION = "live_migration_completion_timeout"
FILES = "cat /etc/nova/nova.conf /etc/nova/nova-compute.conf"


def test_options_are_set_without_a_restart_and_taken_back(site: Site) -> None:
    started = {host.name: _started(site, host.name) for host in site.pair}
    before = {host.name: on(host, FILES) for host in site.pair}
    play("cloud", "--tags=nova", "--extra-vars=nova_completion_timeout_seconds=21")
    for host in site.pair:
        assert f"{OPTION} = 21" in on(host, FILES)
        assert _started(site, host.name) == started[host.name]
    play("cloud", "--tags=nova_restore")
    assert {host.name: on(host, FILES) for host in site.pair} == before


def test_what_libvirt_refuses_is_refused_before_a_file_is_touched(site: Site) -> None:
    before = {host.name: on(host, FILES) for host in site.pair}
    words = "live_migration_tunnelled and live_migration_permit_post_copy"
    told = refused("--tags=nova", "--extra-vars={nova_tunnelled: true}")
    assert words in told
    assert {host.name: on(host, FILES) for host in site.pair} == before


def refused(*arguments: str) -> str:
    """What a play of the cloud that must fail says, on both of its streams."""
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        play("cloud", *arguments)
    return str(refusal.value.stdout)


def _started(site: Site, name: str) -> str:
    return on(site.host(name), "systemctl show --property=ExecMainStartTimestamp nova-compute")
