# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What the recipe of libvirt takes, and what the package says of itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _libvirt_features, _libvirt_scripts
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt import LibvirtRecipe

ROOT = Path(__file__).parents[5]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"layout": "beside"},
            "libvirt is built with the options debug_symbols and features, and layout is not one: leave it out",
        ),
        ({"features": {"netwrk": True}}, "no feature netwrk (did you mean network?)"),
        ({"features": {"xyz": True}}, "no feature xyz (there are apparmor, audit, "),
        ({"features": {"sasl": "yes"}}, "the feature sasl of libvirt is 'yes': set it to true or false"),
        ({"features": ["sasl"]}, "the features of libvirt are ['sasl']: set names of features, each to true or false"),
        ({"debug_symbols": 1}, "debug_symbols of libvirt is 1: set it to true or false"),
    ],
)
def test_what_it_does_not_know_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildError) as refused:
        LibvirtRecipe(options)
    assert said in str(refused.value)


def test_everything_is_off_that_no_feature_asks_for() -> None:
    arguments = LibvirtRecipe({}).inputs()["arguments"]
    assert "-Dauto_features=disabled" in arguments
    assert {"-Ddriver_qemu=enabled", "-Ddriver_network=enabled", "-Dsecdriver_apparmor=enabled"} <= set(arguments)
    assert [argument for argument in arguments if "lxc" in argument or "libxl" in argument] == []


def test_a_feature_changes_inputs_tools_and_package() -> None:
    without, with_rbd = LibvirtRecipe({}), LibvirtRecipe({"features": {"storage-rbd": True, "sasl": False}})
    assert without.inputs() != with_rbd.inputs()
    assert without.inputs() == LibvirtRecipe({"features": {"sasl": True}}).inputs()
    assert set(with_rbd.tools) - set(without.tools) == {"librados-dev", "librbd-dev"}
    assert set(without.tools) - set(with_rbd.tools) == {"libsasl2-dev"}
    assert "-Dsasl=enabled" not in with_rbd.inputs()["arguments"]


def test_an_option_that_two_features_share_stays_while_one_is_on() -> None:
    for features, kept in (
        ({"nodedev": False}, True),
        ({"interface": False}, True),
        ({"nodedev": False, "interface": False}, False),
    ):
        assert ("-Dudev=enabled" in LibvirtRecipe({"features": features}).inputs()["arguments"]) is kept


def test_debug_symbols_are_an_input() -> None:
    assert LibvirtRecipe({"debug_symbols": True}).inputs() != LibvirtRecipe({}).inputs()


def test_only_what_is_built_is_provided() -> None:
    default = _libvirt_features.provided(_libvirt_features.chosen({}))
    assert {"libvirt0", "libvirt-daemon", "libvirt-daemon-driver-network", "libvirt-daemon-system"} <= set(default)
    assert "libvirt-daemon-driver-storage-rbd" not in default
    bare = _libvirt_features.provided(_libvirt_features.chosen({"network": False}))
    assert {"libvirt-daemon-driver-network", "libvirt-daemon-system"} & set(bare) == set()


def test_whatever_is_provided_cannot_stay_beside_it() -> None:
    everything = dict.fromkeys(_libvirt_features.FEATURES, True)
    provided = _libvirt_features.provided(_libvirt_features.chosen(everything))
    assert set(provided) - set(_libvirt_features.DEBIAN_PACKAGES) == set()


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
@pytest.mark.parametrize("profiles", [[], ["usr.sbin.libvirtd", "usr.lib.libvirt.virt-aa-helper"]])
def test_scripts_are_sound(name: str, profiles: list[str], tmp_path: Path) -> None:
    script = tmp_path / name
    script.write_text(_libvirt_scripts.scripts(profiles)[name])
    assert subprocess.run(["sh", "-n", str(script)], check=False, capture_output=True, text=True).stderr == ""
    assert "%" not in script.read_text()


def test_the_last_libvirt_alone_takes_users_away() -> None:
    purge = _libvirt_scripts.scripts([])["postrm"]
    assert purge.index("! -e /usr/sbin/libvirtd") < purge.index("deluser --quiet libvirt-qemu")
