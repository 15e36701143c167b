# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""QEMU for x86_64 guests, in a folder of its own beside the distribution's."""

from __future__ import annotations

import difflib
import re
import shutil
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _deb
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

RECIPE_VERSION = 1
PREFIX = Path("/opt/stsm-live-migration/qemu")
# The source has no firmware that Debian could not build: it is where Debian's own packages have it.
_FIRMWARE = ("/usr/share/seabios", "/usr/lib/ipxe/qemu", "/usr/share/qemu")
_FIRMWARE_PACKAGES = ("ipxe-qemu", "qemu-system-data", "seabios")
_ARGUMENTS = (
    "--target-list=x86_64-softmmu",
    "--disable-download",
    "--disable-docs",
    "--disable-debug-info",
    "--disable-install-blobs",
    f"--firmwarepath={':'.join(_FIRMWARE)}",
    "--without-default-features",
    "--enable-system",
    "--enable-tools",
    "--enable-strip",
)
# What is made: the emulator, and the tool for disks. All would be a third more, for tests.
_TARGETS = ("qemu-system-x86_64", "qemu-img")
_KEYMAPS = "share/qemu/keymaps"
_OPTION = re.compile(r"^  (?:--(?:enable|disable)-)?([a-z0-9][a-z0-9-]*)(?:=|\s)", re.M)


class QemuRecipe:
    """`features` maps names of configure's features to whether QEMU has them; those not named are left out."""

    DISK_MIB = 3072

    def __init__(self, options: Mapping[str, Any]) -> None:
        unknown = sorted(set(options) - {"features"})
        if unknown:
            raise BuildError(f"QEMU is built with the option features, and {unknown[0]} is not one: leave it out")
        self._features: dict[str, bool] = dict(options.get("features") or {})
        wrong = next((name for name, value in self._features.items() if not isinstance(value, bool)), None)
        if wrong is not None:
            raise BuildError(f"the feature {wrong} of QEMU is {self._features[wrong]!r}: set it to true or false")

    def inputs(self) -> dict[str, Any]:
        return {
            "recipe_version": RECIPE_VERSION,
            "arguments": list(_ARGUMENTS),
            "targets": list(_TARGETS),
            "features": dict(sorted(self._features.items())),
        }

    def build(self, shop: Workshop) -> None:
        self._check_features(shop)
        name = f"{upstream(shop.version)}-{shop.digest[:8]}"
        prefix = PREFIX / name
        features = [f"--{'enable' if wanted else 'disable'}-{one}" for one, wanted in sorted(self._features.items())]
        configure = [str(shop.tree / "configure"), f"--prefix={prefix}", *_ARGUMENTS, *features]
        # Paths of the source would differ from one build's folder to the next.
        flags = f"--extra-cflags=-ffile-prefix-map={shop.folder}=."
        shop.run([*configure, flags], cwd=shop.build, what="configure")
        shop.run(["ninja", f"-j{shop.jobs}", *_TARGETS], cwd=shop.build, what="compile")
        installed = shop.install / str(prefix).lstrip("/")
        self._install(shop, installed)
        control = _deb.Control(
            name=f"stsm-qemu-{name}",
            version=_deb.package_version(shop.version, shop.digest),
            description="QEMU for x86_64 guests, built by stsm.live_migration, in a folder of its own",
            depends=_FIRMWARE_PACKAGES,
        )
        _deb.make(shop, shop.install, control)

    def _check_features(self, shop: Workshop) -> None:
        """Refuse a feature that this version does not know, before configure does with a page of help."""
        known = set(
            _OPTION.findall(shop.run([str(shop.tree / "configure"), "--help"], cwd=shop.build, what="features"))
        )
        for feature in self._features:
            if feature not in known:
                near = difflib.get_close_matches(feature, sorted(known), n=1)
                hint = f"did you mean {near[0]}?" if near else "look at configure --help of the source"
                raise BuildError(
                    f"QEMU {upstream(shop.version)} has no feature {feature} ({hint}): correct qemu_features"
                )

    def _install(self, shop: Workshop, installed: Path) -> None:
        """Lay what was made: ninja's own installation would first make everything else."""
        for program in _TARGETS:
            target = installed / "bin" / program
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(shop.build / program), str(target))
            target.chmod(0o755)
            shop.run(["strip", "--strip-unneeded", str(target)], cwd=shop.build)
        shutil.copytree(str(shop.tree / "pc-bios/keymaps"), str(installed / _KEYMAPS))
        (installed / _KEYMAPS / "meson.build").unlink()


def upstream(version: str) -> str:
    """The release in a version of a source package: 11.1.3 of 1:11.1.3+ds-1~bpo13+1."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return found.group(1) if found else version
