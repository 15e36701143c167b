# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The plan refuses what is wrong, in a sentence that names it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _plan


def network(name: str, number: int, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        "bridge": f"test-{name[:4]}",
        "subnet": f"198.18.{number}.0/24",
        "provisioner_address": None,
        "host_bridge": None,
        "rate_mbit_per_second": None,
        "mtu": 1500,
        "delay_ms": 0.0,
        **options,
    }


def parameters() -> dict[str, Any]:
    return {
        "prefix": "test",
        "state_folder": "/nowhere/state",
        "image": "/nowhere/image/root",
        "authorized_key": "ssh-ed25519 AAAA\n",
        "devices": ["/dev/net/tun"],
        "networks": [
            network("management", 0, provisioner_address="198.18.0.1"),
            network("migration", 1, rate_mbit_per_second=1000.0),
            network("tenant", 2, host_bridge="tenant0"),
        ],
        "addresses": {
            "management": {"compute1": "198.18.0.11", "compute2": "198.18.0.12"},
            "migration": {"compute1": "198.18.1.11", "compute2": "198.18.1.12"},
        },
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    given = copy.deepcopy(parameters())
    place: Any = given
    *way, last = path.split("/")
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return given


def test_a_good_plan() -> None:
    testbed = _plan.make_testbed(parameters())
    assert [(host.name, host.number) for host in testbed.hosts] == [("compute1", 11), ("compute2", 12)]
    assert testbed.outer_interface(testbed.networks[1], testbed.hosts[0]) == "test-migr11"
    assert set(testbed.hosts[0].addresses) == {"management", "migration"}
    assert testbed.authorized_key == "ssh-ed25519 AAAA"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("prefix", "Has-Dash", "prefix 'Has-Dash'"),
        ("networks/1/rate_mbit_per_second", -5.0, "network migration: rate_mbit_per_second is -5"),
        ("networks/1/rate_mbit_per_second", 0.0, "rate_mbit_per_second is 0"),
        ("networks/1/delay_ms", -1.0, "delay_ms is -1"),
        ("networks/1/mtu", 100, "mtu is 100"),
        ("networks/1/subnet", "198.18.0.128/25", "overlap"),
        ("networks/1/subnet", "198.18.1.7/24", "host bits set"),
        ("networks/1/bridge", "test-mana", "bridge test-mana is declared twice"),
        ("networks/1/bridge", "test-far-too-long", "cannot name a network interface"),
        ("networks/1/bridge", "test-migration", "'test-migration11' cannot name a network interface"),
        ("networks/0/name", "other", "over the network management"),
        ("networks/0/provisioner_address", None, "over the network management"),
        ("networks/0/provisioner_address", "198.18.5.1", "not in the subnet"),
        ("addresses/management", {}, "0 hosts are asked for: list 1 to 16"),
        ("addresses/management", {f"h{n}": f"198.18.0.{n}" for n in range(2, 19)}, "17 hosts are asked for"),
        ("addresses/management/Bad_Name", "198.18.0.13", "'Bad_Name' cannot name a host"),
        ("addresses/management/compute2", "198.18.0.11", "compute1 and compute2 both have 198.18.0.11"),
        ("addresses/management/compute2", "198.18.0.1", "the provisioner and compute2 both have"),
        ("addresses/management/compute2", "198.18.9.12", "management address 198.18.9.12: set one in 198.18.0.0/24"),
        ("addresses/migration/compute2", "198.18.1.255", "set one in 198.18.1.0/24"),
        ("addresses/management/compute2", "2001:2::12", "management address 2001:2::12: set one in 198.18.0.0/24"),
        ("addresses/migration", {"compute1": "198.18.1.11"}, "compute2 has the migration address None"),
    ],
)
def test_what_is_wrong_is_named(path: str, value: Any, said: str) -> None:
    with pytest.raises(MachineError) as refused:
        _plan.make_testbed(changed(path, value))
    assert said in str(refused.value)


def test_a_host_joins_the_networks_that_it_names_and_needs_no_other_address() -> None:
    given = changed("addresses/management/builder1", "198.18.0.31") | {"host_networks": {"builder1": ["management"]}}
    testbed = _plan.make_testbed(given)
    builder = testbed.hosts[2]
    assert [network.name for network in testbed.networks_of(builder)] == ["management"]
    assert set(builder.addresses) == {"management"}
    assert testbed.networks_of(testbed.hosts[0]) == testbed.networks


def test_hosts_of_another_backend_are_not_made_but_keep_their_addresses() -> None:
    testbed = _plan.make_testbed(parameters() | {"members": ["compute2"]})
    assert [host.name for host in testbed.hosts] == ["compute2"]
    with pytest.raises(MachineError, match="compute1 and compute2 both have 198.18.0.11"):
        _plan.make_testbed(changed("addresses/management/compute2", "198.18.0.11") | {"members": ["compute2"]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"host_networks": {"compute1": ["management", "storage"]}},
            "compute1 is to join the network storage, which is not declared: set virtual_host_networks to some of "
            "management, migration, tenant",
        ),
        (
            {"host_networks": {"compute1": ["migration"]}},
            "compute1 is reached over the network management: add it to the host's virtual_host_networks",
        ),
        ({"members": ["compute3"]}, "compute3 has no management address: set its ansible_host"),
    ],
)
def test_what_a_host_cannot_join_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(MachineError) as refused:
        _plan.make_testbed(parameters() | options)
    assert said in str(refused.value)


def ipv6_parameters() -> dict[str, Any]:
    """The same testbed with IPv6 on its management and migration networks."""
    given = parameters()
    for index, name in enumerate(("management", "migration")):
        given["networks"][index]["subnet"] = f"2001:2:0:{index}::/64"
        given["addresses"][name] = {f"compute{n}": f"2001:2:0:{index}::1{n}" for n in (1, 2)}
    given["networks"][0]["provisioner_address"] = "2001:2::1"
    return given


def test_networks_may_be_of_ipv6_beside_others_of_ipv4() -> None:
    testbed = _plan.make_testbed(ipv6_parameters())
    assert [str(network.subnet) for network in testbed.networks] == ["2001:2::/64", "2001:2:0:1::/64", "198.18.2.0/24"]
    assert str(testbed.hosts[1].addresses["migration"]) == "2001:2:0:1::12"
    assert testbed.outer_interface(testbed.networks[1], testbed.hosts[0]) == "test-migr17"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("2001:2::1:2345", "which is number 74565 in its subnet"),
        ("2001:2::0:11", "compute1 and compute2 both have 2001:2::11"),
        ("198.18.0.12", "set one in 2001:2::/64"),
        ("2001:2::x", "set an address in 2001:2::/64"),
    ],
)
def test_an_ipv6_address_that_does_not_do_is_named(address: str, said: str) -> None:
    given = ipv6_parameters()
    given["addresses"]["management"]["compute2"] = address
    with pytest.raises(MachineError) as refused:
        _plan.make_testbed(given)
    assert said in str(refused.value)


def test_groups_of_testbeds_differ_and_fit_the_kernel() -> None:
    groups = {
        _plan.owner_group(prefix, Path(folder)) for prefix in ("stsm", "stsmt") for folder in ("/var/a", "/var/b")
    }
    assert len(groups) == 4
    assert all(0 < group < 2**31 for group in groups)
