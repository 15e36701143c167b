# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Each shipped inventory can be read, means something to the roles, and leaves nothing open but what it marks."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from lint._checkout import COLLECTION, ROOT, playbooks, roles

# Inventories by name: the folders that are given to Ansible, in this order.
INVENTORIES = {
    "quickstart": ["quickstart"],
    "jumbo_ipv6": ["quickstart", "jumbo_ipv6"],
    "nested_vms": ["nested_vms"],
    "openstack": ["openstack"],
    "partner_1g": ["partner_1g"],
    "partner_10g": ["partner_10g"],
}
PARTNERS = {"partner_1g": (1000, 1500), "partner_10g": (10000, 9000)}
VIRTUAL = [name for name in INVENTORIES if name not in PARTNERS]
MARK = "CHANGE_ME"
# What roles take from the inventory under its own name, through their defaults.
OF_EACH_COMPUTE_HOST = {"ansible_host", "migration_address", "migration_interface", "migration_mtu", "tenant_bridge"}


def ansible(command: str, name: str, *arguments: str) -> str:
    folders = [word for folder in INVENTORIES[name] for word in ("--inventory", f"inventories/{folder}")]
    result = subprocess.run(
        [command, *folders, *arguments], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stderr
    return result.stdout


@cache
def inventory(name: str) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(ansible("ansible-inventory", name, "--list"))
    return listed


def hosts(name: str, group: str) -> dict[str, dict[str, Any]]:
    variables = inventory(name)["_meta"]["hostvars"]
    return {host: variables[host] for host in inventory(name).get(group, {}).get("hosts", [])}


@cache
def role_options() -> dict[str, dict[str, Any]]:
    """Options of all roles' main entry points, by name."""
    options: dict[str, dict[str, Any]] = {}
    for role in roles():
        specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]
        options.update(specs["main"].get("options") or {})
    return options


def test_every_inventory_is_looked_at() -> None:
    assert {path.name for path in (ROOT / "inventories").iterdir() if path.is_dir()} == set(INVENTORIES)


@pytest.mark.parametrize("name", INVENTORIES)
def test_an_inventory_describes_two_hosts_and_an_observer(name: str) -> None:
    compute = hosts(name, "compute")
    assert len(compute) == 2
    for variables in compute.values():
        assert set(variables) >= OF_EACH_COMPUTE_HOST
    for key in ("ansible_host", "migration_address"):
        assert len({variables[key] for variables in compute.values()}) == 2
    assert len(hosts(name, "observer")) == len(hosts(name, "builder")) == 1


@pytest.mark.parametrize("name", VIRTUAL)
def test_a_virtual_builder_is_a_container_that_only_compiles(name: str) -> None:
    (builder,) = hosts(name, "builder").values()
    assert "migration_address" not in builder
    assert builder["virtual_host_backend"] == "nspawn"
    assert builder["virtual_host_networks"] == ["management"]
    assert list(builder["virtual_host_folders"].values()) == ["/var/cache/stsm-live-migration"]
    # It is reached as the hosts are that it builds for.
    for variables in hosts(name, "compute").values():
        assert {key for key in builder if key.startswith("ansible_")} == {key for key in variables if "ansible_" in key}
        assert builder["ansible_ssh_common_args"] == variables["ansible_ssh_common_args"]


@pytest.mark.parametrize("name", INVENTORIES)
def test_the_key_of_the_packages_is_kept_as_long_as_they_are(name: str) -> None:
    (builder,) = hosts(name, "builder").values()
    assert builder["package_repository_folder"].startswith("/var/cache/stsm-live-migration/")


def test_inventories_of_one_machine_publish_for_themselves() -> None:
    folders = {
        builder["package_repository_folder"]
        for name in ("quickstart", "nested_vms", "openstack")
        for builder in hosts(name, "builder").values()
    }
    assert len(folders) == 3


@pytest.mark.parametrize("name", VIRTUAL)
@pytest.mark.parametrize(("stack", "is_there", "builds"), [("distro", False, "localhost"), ("built", True, "builder1")])
def test_a_builder_is_made_only_where_something_is_built(name: str, stack: str, is_there: bool, builds: str) -> None:
    def value(host: str, variable: str) -> Any:
        shown = ansible("ansible", name, host, "-e", f"stack={stack}", "-m", "debug", "-a", f"var={variable}")
        return yaml.safe_load(shown.partition("=>")[2])[variable]

    assert ("builder1" in value("localhost", "virtual_hosts_members")) is is_there
    assert value("compute1", "workload_builder") == builds


def test_a_stack_that_there_is_not_is_refused_before_anything_is_made() -> None:
    command = [
        "ansible-playbook",
        "--inventory",
        "inventories/quickstart",
        f"{COLLECTION}.provision",
        "-e",
        "stack=build",
    ]
    result = subprocess.run([*command, "--check"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert result.returncode != 0
    assert "stack is build: set it to distro" in result.stdout + result.stderr
    assert "ok=0" in result.stdout


@pytest.mark.parametrize("name", VIRTUAL)
def test_packages_are_the_default_stack(name: str) -> None:
    assert {variables["stack"] for variables in inventory(name)["_meta"]["hostvars"].values()} == {"distro"}


@pytest.mark.parametrize("name", INVENTORIES)
def test_every_input_of_a_role_is_one(name: str) -> None:
    """A variable with a role's prefix that the role does not know would be without effect, and nobody would see it."""
    prefixes = tuple(f"{role}_" for role in roles())
    # migration_network_x is the role's, migration_x the inventory's.
    given = {key for host in inventory(name)["_meta"]["hostvars"].values() for key in host if key.startswith(prefixes)}
    assert given - set(role_options()) == set()


@pytest.mark.parametrize("name", INVENTORIES)
def test_what_has_to_be_given_is_given(name: str) -> None:
    required = {key for key, option in role_options().items() if option.get("required")}
    # The playbook or the calling role hands these over.
    required -= {"virtual_hosts_image_root", "packages_names", "platform_releases"}
    required -= {"source_package_component", "source_package_source"}
    required -= {"openstack_service_packages", "openstack_service_files"}
    if not hosts(name, "provisioner"):
        required = {key for key in required if not key.startswith(("virtual_hosts_", "host_image_"))}
    given = {key for host in inventory(name)["_meta"]["hostvars"].values() for key in host}
    assert required - given == set()


@pytest.mark.parametrize("name", PARTNERS)
def test_playbooks_can_be_read_with_a_partner_inventory(name: str) -> None:
    listed = ansible("ansible-playbook", name, *(f"{COLLECTION}.{one}" for one in playbooks()), "--list-hosts")
    plays = set(re.findall(r"play #\d+ \((\w+)\).*?hosts \((\d+)\)", listed, re.S))
    # A replay is called on whichever machine, and needs none of the inventory's.
    anywhere = ("localhost", "1")
    iron = {("builder", "1"), ("compute", "2"), ("observer", "1")}
    assert plays == {("provisioner", "0"), ("control", "0"), *iron, anywhere}


@pytest.mark.parametrize(("name", "link"), PARTNERS.items())
def test_a_partner_inventory_marks_what_a_site_has_to_change(name: str, link: tuple[int, int]) -> None:
    marked = {key for host in inventory(name)["_meta"]["hostvars"].values() for key in host if MARK in str(host[key])}
    assert marked == {
        "ansible_host",
        "migration_address",
        "migration_interface",
        "tenant_bridge",
        "campaign_guest_address",
    }
    values = [value for host in inventory(name)["_meta"]["hostvars"].values() for value in host.values()]
    assert all(value.startswith(f"{MARK}: ") for value in values if MARK in str(value))
    # All in one file, where a site begins to read.
    files = [path for path in (ROOT / "inventories" / name).rglob("*.yml") if MARK in path.read_text()]
    assert [path.name for path in files] == ["hosts.yml"]
    (observer,) = hosts(name, "observer").values()
    assert (observer["migration_rate_mbit_per_second"], observer["migration_mtu"]) == link
    assert observer["campaign_definition"] == "quickstart_full"
    assert observer["campaign_scenario"]["guest"]["accelerator"] == "kvm"
    assert all(variables["host_concessions"] == [] for variables in hosts(name, "compute").values())


def refused(name: str, playbook: str, stack: str) -> str:
    """What a playbook says that fails before it has reached for any host."""
    command = [
        "ansible-playbook",
        "--inventory",
        f"inventories/{name}",
        f"{COLLECTION}.{playbook}",
        "-e",
        f"stack={stack}",
    ]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert result.returncode != 0
    assert "unreachable=0" in result.stdout
    return result.stdout


@pytest.mark.parametrize("name", PARTNERS)
def test_nothing_is_deployed_before_the_marks_are_gone(name: str) -> None:
    said = refused(name, "deploy", "distro")
    assert f"ansible_host of server1 is still '{MARK}: management address of the first server" in said
    assert "builder1" not in said


@pytest.mark.parametrize("playbook", ["build", "deploy"])
def test_nothing_is_built_before_the_builder_has_an_address(playbook: str) -> None:
    said = refused("partner_1g", playbook, "built")
    assert f"ansible_host of builder1 is still '{MARK}: address of the host that builds" in said


@pytest.mark.parametrize("name", PARTNERS)
def test_a_partner_without_a_builder_builds_the_guest_beside_ansible(name: str) -> None:
    for stack, builds in (("distro", "localhost"), ("built", "builder1")):
        shown = ansible("ansible", name, "server1", "-e", f"stack={stack}", "-m", "debug", "-a", "var=workload_builder")
        assert yaml.safe_load(shown.partition("=>")[2])["workload_builder"] == builds


def test_provisioning_skips_where_there_is_iron() -> None:
    for playbook in ("provision", "teardown"):
        assert "no hosts matched" in ansible("ansible-playbook", "partner_1g", f"{COLLECTION}.{playbook}")
