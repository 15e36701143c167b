# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What the recipe of libvirt takes, and what the package says of itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.stsm.live_migration.plugins.module_utils._building import (
    _libvirt_features,
    _libvirt_python,
    _libvirt_scripts,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt import LibvirtRecipe
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import (
    BESIDE,
    LAYOUTS,
    REPLACE,
    Layout,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

ROOT = Path(__file__).parents[5]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"prefix": "/opt"},
            "libvirt is built with the options debug_symbols, features, layout, and prefix is not one: leave it out",
        ),
        ({"layout": "aside"}, "the layout of libvirt is 'aside': set it to beside or replace"),
        (
            {"layout": "beside", "features": {"apparmor": True}},
            "libvirt beside the distribution's cannot have the feature apparmor: leave it out",
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
    assert {"libvirt0", "libvirt-daemon-driver-network", "libvirt-daemon-system", "python3-libvirt"} <= set(default)
    assert "libvirt-daemon-driver-storage-rbd" not in default
    bare = _libvirt_features.provided(_libvirt_features.chosen({"network": False}))
    assert {"libvirt-daemon-driver-network", "libvirt-daemon-system"} & set(bare) == set()


def test_whatever_is_provided_cannot_stay_beside_it() -> None:
    everything = dict.fromkeys(_libvirt_features.FEATURES, True)
    provided = _libvirt_features.provided(_libvirt_features.chosen(everything))
    assert set(provided) - set(_libvirt_features.DEBIAN_PACKAGES) == set()


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
@pytest.mark.parametrize("layout", [BESIDE, REPLACE])
@pytest.mark.parametrize("profiles", [[], ["usr.sbin.libvirtd", "usr.lib.libvirt.virt-aa-helper"]])
def test_scripts_are_sound(name: str, layout: Layout, profiles: list[str], tmp_path: Path) -> None:
    script = tmp_path / name
    script.write_text(_libvirt_scripts.scripts(layout, profiles)[name])
    assert subprocess.run(["sh", "-n", str(script)], check=False, capture_output=True, text=True).stderr == ""
    assert "%" not in script.read_text()


def test_the_last_libvirt_alone_takes_users_away() -> None:
    purge = _libvirt_scripts.scripts(REPLACE, [])["postrm"]
    assert purge.index("! -e /usr/sbin/libvirtd") < purge.index("deluser --quiet libvirt-qemu")
    assert (
        "[ /usr/sbin/libvirtd = /usr/sbin/libvirtd ] && [ ! -e /opt/stsm-live-migration/libvirt/sbin/libvirtd ]"
        in purge
    )
    assert (
        "[ /opt/stsm-live-migration/libvirt/sbin/libvirtd = /usr/sbin/libvirtd ]"
        in _libvirt_scripts.scripts(BESIDE, [])["postrm"]
    )


def test_beside_nothing_is_where_the_distribution_has_it() -> None:
    arguments = set(LibvirtRecipe({"layout": "beside"}).inputs()["arguments"])
    assert arguments.isdisjoint(set(REPLACE.arguments()) - {"-Dunitdir=/usr/lib/systemd/system"})
    assert {"-Ddriver_qemu=enabled", "-Dsecdriver_apparmor=enabled"} & arguments == {"-Ddriver_qemu=enabled"}
    scripts = _libvirt_scripts.scripts(BESIDE, [])
    for name in ("postinst", "prerm", "postrm"):
        assert re.findall(r"(?<![-/])\b(?:libvirtd|virtlogd|virtlockd)[-a-z]*\.\w+", scripts[name]) == []


def test_the_role_knows_where_each_layout_is() -> None:
    places = yaml.safe_load((ROOT / "roles/libvirt/vars/main.yml").read_text())["__libvirt_places"]
    for name, layout in LAYOUTS.items():
        ours = {
            "package": layout.package,
            "prefix": layout.prefix,
            "configuration": f"{layout.configuration}/libvirt",
            "runtime": f"{layout.runtime}/libvirt",
            "units": layout.units,
        }
        assert {key: places[name][key] for key in ours} == ours


@pytest.mark.parametrize(
    ("release", "libvirt", "said"),
    [
        ("11.3.0", "11.3.0-3+deb13u3", None),
        ("12.8.0", "1:11.3.0-1", None),
        ("11.3.0", "11.10.0-1", "libvirt-python 11.3.0 is older than libvirt 11.10.0-1 and cannot know its API"),
        (None, "11.3.0-1", "the further source python is not libvirt-python: set libvirt_python_source"),
    ],
)
def test_a_binding_that_cannot_know_the_api_is_refused(
    release: str | None, libvirt: str, said: str | None, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path, tmp_path, libvirt, "0123456789ab", 1, 0, 0, print)
    if release:
        shop.further("python").mkdir(parents=True)
        (shop.further("python") / "VERSION").write_text(f"{release}\n")
    if said is None:
        _libvirt_python.check(shop)
        return
    with pytest.raises(BuildError) as refused:
        _libvirt_python.check(shop)
    assert said in str(refused.value)
