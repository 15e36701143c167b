# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent finds the settings and the processes of the libvirt that its Python reaches."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ansible_collections.stsm.live_migration.plugins.filter.measured_hosts import measured_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._agent._libvirt_places import Places, places
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import BESIDE
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._drivers._libvirt import destination_uri

DEFAULTS = Path(__file__).parents[4] / "roles/libvirt/defaults/main.yml"
MINE = {"configuration": "/etc/opt/x/libvirt", "runtime": "/run/x/libvirt", "daemon": "/opt/x/sbin/libvirtd"}


def test_a_built_libvirt_says_where_it_is(tmp_path: Path) -> None:
    manifest = tmp_path / "share/stsm-live-migration/libvirt.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({**MINE, "version": "11.3.0"}))
    binding = SimpleNamespace(__file__=str(tmp_path / "lib/python3/dist-packages/libvirt.py"))
    assert places(binding) == Places(*map(Path, MINE.values()))


@pytest.mark.parametrize("binding", [None, SimpleNamespace(), SimpleNamespace(__file__="/nowhere/a/b/c/libvirt.py")])
def test_any_other_is_where_the_distribution_has_it(binding: object) -> None:
    assert places(binding).runtime == Path("/run/libvirt")


@pytest.mark.parametrize(
    ("variables", "python", "uri"),
    [
        ({}, "/usr/bin/python3", "qemu+tls://a/system"),
        ({"libvirt_layout": "beside", "stack": "distro"}, "/usr/bin/python3", "qemu+tls://a/system"),
        ({"libvirt_tls_port": 17000}, "/usr/bin/python3", "qemu+tls://a:17000/system"),
        (
            {"libvirt_layout": "beside", "stack": "built"},
            f"{BESIDE.prefix}/bin/python3",
            "qemu+tls://a:16515/system",
        ),
        (
            {"libvirt_layout": "beside", "libvirt_stack": "built", "libvirt_listen": "tcp"},
            f"{BESIDE.prefix}/bin/python3",
            "qemu+tcp://a:16510/system",
        ),
    ],
)
def test_a_campaign_runs_on_the_libvirt_that_the_inventory_wants(
    variables: dict[str, object], python: str, uri: str
) -> None:
    (option,) = measured_hosts(["a"], {"a": {"migration_address": "192.0.2.1", **variables}})
    host = Host(**option)
    assert (host.python, destination_uri(host)) == (python, uri)


@pytest.mark.parametrize(("transport", "port"), [("tls", 16515), ("tcp", 16510)])
def test_the_role_gives_it_the_same_port(transport: str, port: int) -> None:
    default = yaml.safe_load(DEFAULTS.read_text())[f"libvirt_{transport}_port"]
    assert default.startswith(f"{{{{ {port} if libvirt_layout == 'beside'")
