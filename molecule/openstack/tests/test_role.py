# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The role nova refuses what a cloud cannot do before it touches a file."""

from __future__ import annotations

import subprocess

import pytest
from openstack_hosts import Site, play
from own_guest import on

FILES = "cat /etc/nova/nova.conf /etc/nova/nova-compute.conf"


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
