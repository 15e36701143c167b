# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Linux with userfaultfd, as the package that the kernel's own build makes of it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _kconfig
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

RECIPE_VERSION = 1
# Bases of the configuration: all off but what `config` sets; `config` as it is; that without modules `lsmod` lacks.
MINIMAL, DISTRO, RUNNING = BASES = ("minimal", "distro", "running")
_OPTIONS = {"base", "config", "lsmod", "fragments", "required"}
# Without it the kernel would be of no use to this collection.
ALWAYS_REQUIRED = "CONFIG_USERFAULTFD=y"
# Of a distribution's configuration: what only the distribution's own build has keys for, what doubles the time, and
# names, which this recipe gives.
_OWN_SETTINGS = {
    "CONFIG_DEBUG_INFO_NONE": "y",
    # Of one choice with the above, the last that is set wins.
    "CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT": _kconfig.OFF,
    "CONFIG_DEBUG_INFO_DWARF4": _kconfig.OFF,
    "CONFIG_DEBUG_INFO_DWARF5": _kconfig.OFF,
    "CONFIG_LOCALVERSION": '""',
    "CONFIG_LOCALVERSION_AUTO": _kconfig.OFF,
    "CONFIG_MODULE_SIG_KEY": '""',
    "CONFIG_MODULE_SIG_ALL": _kconfig.OFF,
    "CONFIG_SYSTEM_TRUSTED_KEYS": '""',
    "CONFIG_SYSTEM_REVOCATION_KEYS": '""',
}
# A kernel that finds its root by itself wants no initrd. Its package calls hooks from here, where there are none, and
# not those of the distribution, which would make one.
_NO_HOOKS = "/etc/stsm-live-migration/kernel"
# Lines "CC file.o" and the like of a whole build with the shipped minimal configuration.
_MINIMAL_OBJECTS = 2450
_NOW = "$(date -R)"
_EPOCH = '$(date -R -u -d "@$SOURCE_DATE_EPOCH")'
_BUILDERS_NAME = {"KBUILD_BUILD_USER": "stsm", "KBUILD_BUILD_HOST": "builder", "DEBEMAIL": "stsm@invalid"}


class KernelRecipe:
    """`base` minimal: all is off but what `config` sets; distro: `config` as it is; running: `config` without the
    modules that `lsmod` does not list. `fragments` (name → text) are laid over it in their order, and each of their
    options and of `required` (lines) must be in the kernel in the end.
    """

    DISK_MIB = 6144

    def __init__(self, options: Mapping[str, Any]) -> None:
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise BuildError(
                f"a kernel is built with the options {', '.join(sorted(_OPTIONS))}, and {unknown[0]} is not one: "
                "leave it out"
            )
        self._base = str(options.get("base") or MINIMAL)
        if self._base not in BASES:
            raise BuildError(f"the base of the kernel's configuration is {self._base}: set base to {', '.join(BASES)}")
        self._config = _kconfig.parse(str(options.get("config") or ""), "config")
        if not self._config:
            raise BuildError(
                f"the kernel's base {self._base} has no options to begin with: set config to a configuration"
            )
        listing = str(options.get("lsmod") or "")
        if bool(listing) != (self._base == RUNNING):
            raise BuildError(
                "a listing of modules reduces the base running, and no other: set lsmod with it, and leave it out "
                "otherwise"
            )
        self._modules = _kconfig.modules(listing) if listing else []
        fragments: Mapping[str, str] = options.get("fragments") or {}
        self._fragments = [
            (str(name), _kconfig.parse(text, f"the fragment {name}")) for name, text in fragments.items()
        ]
        required = [ALWAYS_REQUIRED, *(options.get("required") or [])]
        self._required = _kconfig.parse("\n".join(required), "required")

    def inputs(self) -> dict[str, Any]:
        """Comments and the order of lines in the base change nothing; that of fragments does."""
        own = {} if self._base == MINIMAL else {"own_settings": _OWN_SETTINGS}
        return {
            **own,
            "recipe_version": RECIPE_VERSION,
            "base": self._base,
            "config": hashlib.sha256(json.dumps(self._config, sort_keys=True).encode()).hexdigest(),
            "modules": self._modules,
            "fragments": [[name, settings] for name, settings in self._fragments],
            "required": self._required,
        }

    def build(self, shop: Workshop) -> None:
        """Configure, check that the configuration is what was asked for, and build the package of the image."""
        make = ["make", f"--directory={shop.tree}", f"O={shop.build}", f"--jobs={shop.jobs}"]
        # Not in the configuration: it differs with each digest, and the cache of compilations would know nothing again.
        local_version = f"-stsm-{shop.digest[:8]}"
        make.append(f"LOCALVERSION={local_version}")
        self._configure(shop, make)
        self._check(shop)
        release = shop.run([*make, "--silent", "kernelrelease"], cwd=shop.build, what="version").split()[-1]
        if not release.endswith(local_version):
            raise BuildError(
                f"the kernel would call itself {release}, not …{local_version}: set the source to a release"
            )
        # What is packed names the time of the source, not of the build.
        packer = shop.tree / "scripts/package/mkdebian"
        packer.write_text(packer.read_text(encoding="utf-8").replace(_NOW, _EPOCH), encoding="utf-8")
        shop.run(
            [*make, "bindeb-pkg", "DPKG_FLAGS=--no-check-builddeps"],
            cwd=shop.build,
            environment=self._environment(shop),
            objects=_MINIMAL_OBJECTS if self._base == MINIMAL else None,
            what="compile",
        )
        # They lie beside the folder of objects; the one of headers for the C library is the distribution's to give.
        for package in shop.folder.glob("linux-image-*.deb"):
            shutil.move(str(package), str(shop.packages / package.name))

    def _configure(self, shop: Workshop, make: list[str]) -> None:
        config = shop.build / ".config"
        if self._base == MINIMAL:
            chosen = shop.build / "minimal.config"
            chosen.write_text(_kconfig.render(self._config), encoding="utf-8")
            shop.run([*make, f"KCONFIG_ALLCONFIG={chosen}", "allnoconfig"], cwd=shop.build, what="configure")
        else:
            config.write_text(_kconfig.render({**self._config, **_OWN_SETTINGS}), encoding="utf-8")
            shop.run([*make, "olddefconfig"], cwd=shop.build, what="configure")
        if self._base == RUNNING:
            listing = shop.build / "lsmod"
            listing.write_text("".join(f"{name} 0 0\n" for name in ["Module", *self._modules]), encoding="utf-8")
            # It asks for options that have come up anew; their defaults will do.
            asking = 'yes "" | "$@" LSMOD="$0" localmodconfig'
            shop.run(["sh", "-c", asking, str(listing), *make], cwd=shop.build, what="configure")
        laid = "".join(_kconfig.render(settings) for _name, settings in self._fragments)
        config.write_text(config.read_text(encoding="utf-8") + laid, encoding="utf-8")
        shop.run([*make, "olddefconfig"], cwd=shop.build, what="configure")

    def _check(self, shop: Workshop) -> None:
        became = _kconfig.parse((shop.build / ".config").read_text(encoding="utf-8"), ".config")
        asked = [(f"the fragment {name}", settings) for name, settings in self._fragments]
        if self._base == MINIMAL:
            asked.insert(0, ("config", self._config))
        else:
            # Not every version and configuration has all of them.
            own = {name: value for name, value in _OWN_SETTINGS.items() if name in became}
            asked.insert(0, ("this collection", own))
        _kconfig.check([*asked, ("required", self._required)], became, shop.version)

    def _environment(self, shop: Workshop) -> dict[str, str]:
        revision = re.sub(r"[^0-9A-Za-z.+~]", "", shop.version.partition("-")[2]) or "1"
        environment = {
            **_BUILDERS_NAME,
            "KBUILD_BUILD_TIMESTAMP": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(shop.epoch)),
            "KDEB_PKGVERSION": f"{shop.version.partition('-')[0]}-{revision}+stsm.{shop.digest[:8]}",
            "KDEB_CHANGELOG_DIST": "stsm",
            "KDEB_COMPRESS": "zstd",
            "DEB_BUILD_PROFILES": "pkg.linux-upstream.nokernelheaders pkg.linux-upstream.nokerneldbg",
        }
        if self._base == MINIMAL:
            environment["KDEB_HOOKDIR"] = _NO_HOOKS
        return environment
