# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The recipe of a kernel: what it takes, what makes it another build, and what it refuses to pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _kernel
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError

CONFIG = "CONFIG_USERFAULTFD=y\nCONFIG_KSM=y\n"
LISTING = "Module Size Used by\nvirtio_net 98304 0\n"


class Shop:
    """A workshop whose kernel build takes all options but those in `drops`."""

    version, digest, jobs, epoch = "6.12.107-1", "0123456789ab", 2, 1_750_000_000

    def __init__(self, folder: Path, drops: Sequence[str] = (), release: str = "6.12.107-stsm-01234567") -> None:
        self.folder, self.tree, self.build, self.packages = (
            folder,
            folder / "tree",
            folder / "build",
            folder / "packages",
        )
        for made in (self.tree / "scripts/package", self.build, self.packages):
            made.mkdir(parents=True)
        self.packer = self.tree / "scripts/package/mkdebian"
        self.packer.write_text("$maintainer  $(date -R)\n")
        self.drops, self.release = drops, release
        self.steps: list[tuple[list[str], Mapping[str, str]]] = []

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        objects: int | None = None,
        what: str = "",
    ) -> str:
        self.steps.append((list(argv), environment or {}))
        config = self.build / ".config"
        if "allnoconfig" in argv:
            config.write_text((self.build / "minimal.config").read_text())
        elif "olddefconfig" in argv:
            kept = [line for line in config.read_text().splitlines() if not line.startswith(tuple(self.drops) or "-")]
            config.write_text("\n".join(kept) + "\n")
        elif "kernelrelease" in argv:
            return f"make: something\n{self.release}\n"
        elif "bindeb-pkg" in argv:
            (self.folder / "linux-image-x.deb").write_text("image")
            (self.folder / "linux-libc-dev.deb").write_text("headers")
        return ""


def build(shop: Shop, **options: Any) -> None:
    shop_as_any: Any = shop
    _kernel.KernelRecipe({"config": CONFIG, **options}).build(shop_as_any)


def inputs(**options: Any) -> dict[str, Any]:
    return _kernel.KernelRecipe({"config": CONFIG, **options}).inputs()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"arch": "arm64"}, "and arch is not one: leave it out"),
        ({"base": "tiny"}, "is tiny: set base to minimal, distro, running"),
        ({"config": ""}, "the kernel's base minimal has no options to begin with"),
        ({"base": "running"}, "a listing of modules reduces the base running, and no other"),
        ({"lsmod": LISTING}, "a listing of modules reduces the base running, and no other"),
        ({"fragments": {"site": "KSM"}}, "line 1 of the fragment site"),
        ({"required": ["KSM"]}, "line 2 of required"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildError, match=said):
        inputs(**options)


def test_only_what_changes_the_packages_makes_another_build() -> None:
    assert inputs() == inputs(config="# a reason\nCONFIG_KSM=y\n\nCONFIG_USERFAULTFD=y\n")
    assert inputs() != inputs(config=CONFIG + "CONFIG_SMP=y\n")
    assert inputs() != inputs(base="distro")
    assert inputs(fragments={"a": "CONFIG_A=y", "b": "CONFIG_A=n"}) != inputs(
        fragments={"b": "CONFIG_A=n", "a": "CONFIG_A=y"}
    )
    running = {"base": "running", "lsmod": LISTING}
    assert inputs(**running) == inputs(base="running", lsmod=LISTING.replace("98304 0", "98000 7"))


def test_the_image_is_packed_and_named_by_the_digest(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    build(shop, fragments={"site": "CONFIG_KSM=y\n# CONFIG_NUMA is not set\n"})
    assert [package.name for package in shop.packages.iterdir()] == ["linux-image-x.deb"]
    argv, environment = shop.steps[-1]
    assert "LOCALVERSION=-stsm-01234567" in argv
    assert environment["KDEB_PKGVERSION"] == "6.12.107-1+stsm.01234567"
    assert environment["KBUILD_BUILD_TIMESTAMP"] == "2025-06-15 15:06:40 UTC"
    assert "date -R -u -d" in shop.packer.read_text()


def test_only_a_kernel_that_needs_an_initrd_gets_one_from_the_distributions_hooks(tmp_path: Path) -> None:
    for base, own in (("minimal", True), ("distro", False)):
        shop = Shop(tmp_path / base)
        build(shop, base=base)
        assert ("KDEB_HOOKDIR" in shop.steps[-1][1]) is own


def test_the_distributions_base_is_built_without_its_keys_and_debug_information(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    # As the distribution has it: of a choice, what is set last wins.
    theirs = (
        'CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/x"\n# CONFIG_DEBUG_INFO_NONE is not set\nCONFIG_DEBUG_INFO_DWARF5=y\n'
    )
    build(shop, base="distro", config=CONFIG + theirs)
    written = (shop.build / ".config").read_text()
    assert 'CONFIG_SYSTEM_TRUSTED_KEYS=""' in written
    assert "CONFIG_DEBUG_INFO_NONE=y" in written
    assert "CONFIG_DEBUG_INFO_DWARF5=y" not in written


def test_the_running_base_is_reduced_by_the_names_of_its_modules(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    build(shop, base="running", lsmod=LISTING)
    assert (shop.build / "lsmod").read_text() == "Module 0 0\nvirtio_net 0 0\n"
    assert any("localmodconfig" in word for argv, _environment in shop.steps for word in argv)


@pytest.mark.parametrize(
    ("options", "drops", "said"),
    [
        ({}, ["CONFIG_KSM"], "CONFIG_KSM (asked by config: y, became: n)"),
        ({"fragments": {"site": "CONFIG_A=y"}}, ["CONFIG_A"], "CONFIG_A (asked by the fragment site: y, became: n)"),
        ({"required": ["CONFIG_B=y"]}, [], "CONFIG_B (asked by required: y, became: n)"),
        ({"base": "distro", "config": "CONFIG_KSM=y"}, [], "CONFIG_USERFAULTFD (asked by required: y, became: n)"),
    ],
)
def test_an_option_that_was_dropped_ends_the_build_before_it_compiles(
    tmp_path: Path, options: dict[str, Any], drops: list[str], said: str
) -> None:
    shop = Shop(tmp_path, drops)
    with pytest.raises(BuildError) as refused:
        build(shop, **options)
    assert said in str(refused.value)
    assert not any("bindeb-pkg" in argv for argv, _environment in shop.steps)


def test_a_name_that_does_not_prove_the_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"would call itself 6\.12\.107-stsm-01234567\+"):
        build(Shop(tmp_path, release="6.12.107-stsm-01234567+"))
