# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A host's own files, its record, and what is refused because of it."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _devices, _host, _identity, _plan


@pytest.fixture
def testbed(tmp_path: Path) -> _plan.Testbed:
    options: dict[str, Any] = {"provisioner_address": None, "rate_mbit_per_second": None, "delay_ms": 0.0}
    networks = [
        {**options, "name": "management", "bridge": "t-mgmt", "subnet": "198.18.0.0/24", "mtu": 1500}
        | {"provisioner_address": "198.18.0.1", "host_bridge": None},
        {
            **options,
            "name": "migration",
            "bridge": "t-mig",
            "subnet": "198.18.1.0/24",
            "mtu": 9000,
            "host_bridge": None,
        },
        {
            **options,
            "name": "tenant",
            "bridge": "t-ten",
            "subnet": "198.18.2.0/24",
            "mtu": 1500,
            "host_bridge": "tenant0",
        },
    ]
    return _plan.make_testbed(
        {
            "prefix": "t",
            "state_folder": str(tmp_path),
            "image": "/nowhere",
            "authorized_key": "ssh-ed25519 AAAA",
            "devices": ["/dev/null"],
            "networks": networks,
            "addresses": {"management": {"one": "198.18.0.11"}, "migration": {"one": "198.18.1.11"}},
        }
    )


def test_a_host_gets_its_addresses_and_nodes_of_its_own(testbed: _plan.Testbed) -> None:
    files = {name: content for name, (content, _mode) in _identity.identity_files(testbed, testbed.hosts[0]).items()}
    assert files["etc/hosts"].splitlines()[2:] == ["198.18.0.1 package-relay", "198.18.0.11 one"]
    assert "Address=198.18.1.11/24\n" in files["etc/systemd/network/50-migration.network"]
    assert "MTUBytes=9000\n" in files["etc/systemd/network/50-migration.network"]
    assert "Bridge=tenant0\n" in files["etc/systemd/network/50-tenant.network"]
    assert "Kind=bridge\n" in files["etc/systemd/network/50-tenant0.netdev"]
    assert files["etc/tmpfiles.d/virtual-host-devices.conf"] == "c /dev/null 0660 root root - 1:3\n"


def test_an_ipv6_address_is_laid_like_any_other(testbed: _plan.Testbed) -> None:
    migration = replace(testbed.networks[1], subnet=ipaddress.ip_network("2001:2::/64"))
    host = replace(
        testbed.hosts[0], addresses={**testbed.hosts[0].addresses, "migration": ipaddress.ip_address("2001:2::11")}
    )
    files = _identity.identity_files(replace(testbed, networks=(testbed.networks[0], migration)), host)
    assert "Address=2001:2::11/64\n" in files["etc/systemd/network/50-migration.network"][0]


def test_machine_ids_differ_between_prefixes_and_stay_the_same(testbed: _plan.Testbed) -> None:
    host = testbed.hosts[0]
    first, again, other = (
        _identity.identity_files(bed, host)["etc/machine-id"][0]
        for bed in (testbed, testbed, replace(testbed, prefix="u"))
    )
    assert first == again != other
    assert len(first.strip()) == 32


def test_a_device_that_the_machine_lacks_is_named() -> None:
    with pytest.raises(MachineError, match="no device /dev/nothing"):
        _devices.number("/dev/nothing")


def test_a_host_has_no_files_for_networks_that_it_does_not_join(testbed: _plan.Testbed) -> None:
    host = replace(testbed.hosts[0], networks=("management",))
    files = _identity.identity_files(testbed, host)
    assert [name for name in files if name.startswith("etc/systemd/network/")] == [
        "etc/systemd/network/50-management.network"
    ]
    assert _host.definition(testbed, host)["networks"] == {"management": [1500, None]}


def test_teardown_leaves_what_a_host_saw_of_the_machine(testbed: _plan.Testbed, tmp_path: Path) -> None:
    """A host's own layer has a folder that the machine's was laid over; nothing in it is the machine's."""
    shared = tmp_path.parent / f"{tmp_path.name}-shared"
    (shared / "kept").mkdir(parents=True)
    write_record(testbed, folders={str(shared): "/srv"})
    folder = _host.folder_of(testbed.state_folder, "one")
    (folder.upper / "srv").mkdir(parents=True)
    _host.remove(folder, "t")
    assert not folder.path.exists()
    assert (shared / "kept").is_dir()


def write_record(testbed: _plan.Testbed, **changes: object) -> None:
    folder = _host.folder_of(testbed.state_folder, "one")
    folder.path.mkdir(parents=True)
    folder.record.write_text(json.dumps({**_host.definition(testbed, testbed.hosts[0]), **changes}))


def test_the_same_host_is_accepted(testbed: _plan.Testbed) -> None:
    _host.check(testbed, testbed.hosts[0], _host.definition(testbed, testbed.hosts[0]))
    write_record(testbed)
    _host.check(testbed, testbed.hosts[0], _host.definition(testbed, testbed.hosts[0]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prefix": "other"}, "has a host one of the prefix other"),
        ({"image": "/old"}, "exists with other image than the inventory has: run the teardown playbook first"),
        ({"addresses": {}, "devices": []}, "other addresses and devices"),
        ({"folders": {"/nowhere/a": "/srv"}}, "other folders"),
    ],
)
def test_a_host_made_of_something_else_is_refused(testbed: _plan.Testbed, changes: dict[str, Any], said: str) -> None:
    write_record(testbed, **changes)
    with pytest.raises(MachineError) as refused:
        _host.check(testbed, testbed.hosts[0], _host.definition(testbed, testbed.hosts[0]))
    assert said in str(refused.value)
