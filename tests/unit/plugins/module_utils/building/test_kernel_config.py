# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What a kernel's configuration says, and whether a kernel has become what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _kconfig
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError

MINIMAL = Path(__file__).parents[5] / "roles/kernel/files/minimal.config"


def test_settings_are_read_and_the_last_of_a_name_counts() -> None:
    text = """
# Why: for a reason.
CONFIG_KSM=y
CONFIG_NR_CPUS=64
CONFIG_BASE=0xffFF
CONFIG_SHIFT=-2
  CONFIG_LSM="yama,\\"apparmor"
# CONFIG_NUMA is not set
CONFIG_KSM=m
CONFIG_OFF=n
"""
    assert _kconfig.parse(text, "here") == {
        "CONFIG_KSM": "m",
        "CONFIG_NR_CPUS": "64",
        "CONFIG_BASE": "0xffFF",
        "CONFIG_SHIFT": "-2",
        "CONFIG_LSM": '"yama,\\"apparmor"',
        "CONFIG_NUMA": "n",
        "CONFIG_OFF": "n",
    }


@pytest.mark.parametrize("line", ["KSM=y", "CONFIG_KSM", "CONFIG_KSM=yes", "CONFIG_KSM = y", 'CONFIG_A="b" c'])
def test_a_line_that_is_no_setting_is_named_with_its_place(line: str) -> None:
    with pytest.raises(BuildError, match=r"line 2 of the fragment site is '.*', but"):
        _kconfig.parse(f"CONFIG_SMP=y\n{line}\n", "the fragment site")


def test_what_is_rendered_is_read_again() -> None:
    settings = {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": '"x y"'}
    assert _kconfig.parse(_kconfig.render(settings), "here") == settings


def test_a_listing_of_modules_is_the_same_whatever_its_sizes_and_users() -> None:
    first = "Module                  Size  Used by\nvirtio_net 98304 0\nnet_failover 24576 1 virtio_net\n"
    second = "Module                  Size  Used by\nnet_failover 28672 3 virtio_net\nvirtio_net 98000 2 -\n"
    assert _kconfig.modules(first) == _kconfig.modules(second) == ["net_failover", "virtio_net"]


@pytest.mark.parametrize(
    ("listing", "said"), [("Module Size Used by\n", "is empty"), ("a\nb;c 1 0\n", "a line that begins with b;c")]
)
def test_what_is_no_listing_of_modules_is_refused(listing: str, said: str) -> None:
    with pytest.raises(BuildError, match=f"the listing of modules (has )?{said}, but the output of lsmod is needed"):
        _kconfig.modules(listing)


def test_all_that_was_asked_for_passes() -> None:
    asked = [("one", {"CONFIG_A": "y", "CONFIG_B": "m"}), ("two", {"CONFIG_B": "y", "CONFIG_GONE": "n"})]
    _kconfig.check(asked, {"CONFIG_A": "y", "CONFIG_B": "y"}, "6.12")


def test_what_was_dropped_is_named_with_who_asked_and_what_it_became() -> None:
    asked = [("the fragment a", {"CONFIG_A": "y"}), ("required", {"CONFIG_B": "y", "CONFIG_C": "100"})]
    with pytest.raises(BuildError) as refused:
        _kconfig.check(asked, {"CONFIG_A": "m", "CONFIG_B": "y", "CONFIG_C": "250"}, "6.12.107-1")
    assert str(refused.value) == (
        "Linux 6.12.107-1 does not take CONFIG_A (asked by the fragment a: y, became: m), and 1 more: "
        "CONFIG_C (asked by required: 100, became: 250): set the options that it depends on, or leave it out"
    )


def test_the_shipped_configuration_has_no_modules_and_needs_no_initrd() -> None:
    settings = _kconfig.parse(MINIMAL.read_text(encoding="utf-8"), "minimal.config")
    assert "m" not in settings.values()
    for built_in in (
        "USERFAULTFD",
        "VIRTIO_BLK",
        "VIRTIO_PCI",
        "EXT4_FS",
        "DEVTMPFS_MOUNT",
        "KVM_AMD",
        "KVM_INTEL",
        "PVH",
    ):
        assert settings[f"CONFIG_{built_in}"] == "y"


def test_the_shipped_configuration_names_nothing_twice() -> None:
    names = [
        line.partition("=")[0]
        for line in MINIMAL.read_text(encoding="utf-8").splitlines()
        if line.startswith("CONFIG_")
    ]
    assert sorted(set(names)) == sorted(names)
