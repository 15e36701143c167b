# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""libvirt with the monolithic daemon, as one package in the place of the distribution's many."""

from __future__ import annotations

import difflib
import json
import shlex
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building import (
    _deb,
    _libvirt_features,
    _libvirt_tree,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_features import Feature
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_scripts import scripts
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

# Raised when what is written here, or in the other files of this recipe, changes what the package contains.
RECIPE_VERSION = 2
PACKAGE = "stsm-libvirt"
_OPTIONS = ("debug_symbols", "features")
# Where Debian's packages have everything, so that settings, state and clients are found again.
_PLACES = (
    "--prefix=/usr",
    "--libdir=lib/x86_64-linux-gnu",
    "--libexecdir=lib/libvirt",
    "--sysconfdir=/etc",
    "--localstatedir=/var",
    "-Drunstatedir=/run",
    "-Dinitconfdir=/etc/default",
    "-Dunitdir=/usr/lib/systemd/system",
)
# As Debian builds it, where it makes a difference to a guest or to a client. What no feature asks for is off.
_ARGUMENTS = (
    "--buildtype=plain",
    "--wrap-mode=nofallback",
    "-Dauto_features=disabled",
    "-Dno_git=true",
    "-Dgit_werror=disabled",
    "-Drpath=disabled",
    "-Dinit_script=systemd",
    "-Dremote_default_mode=legacy",
    "-Dqemu_user=libvirt-qemu",
    "-Dqemu_group=libvirt-qemu",
    "-Dqemu_moddir=/usr/lib/x86_64-linux-gnu/qemu",
    "-Dqemu_datadir=/usr/share/qemu",
    "-Dtls_priority=NORMAL",
    "-Dpackager=stsm.live_migration",
)
_WITH = {
    "network": ("-Dfirewall_backend_priority=iptables,nftables",),
    "selinux": ("-Dselinux_mount=/sys/fs/selinux",),
}
# Debian's hardening for this source; its other flags come from dpkg-buildflags as they are.
_FLAGS_ENVIRONMENT = {
    "DEB_BUILD_MAINT_OPTIONS": "hardening=+bindnow",
    "DEB_LDFLAGS_MAINT_STRIP": "-Wl,-Bsymbolic-functions",
}
_FLAGS = ("CFLAGS", "CPPFLAGS", "LDFLAGS")


class LibvirtRecipe:
    """`features` maps names of features to whether libvirt has them, `debug_symbols` keeps symbols in the programs."""

    DISK_MIB = 1024

    def __init__(self, options: Mapping[str, Any]) -> None:
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise BuildError(
                f"libvirt is built with the options {' and '.join(_OPTIONS)}, and {unknown[0]} is not one: leave it out"
            )
        self._features = _features(options.get("features") or {})
        self._debug_symbols = options.get("debug_symbols", False)
        if not isinstance(self._debug_symbols, bool):
            raise BuildError(f"debug_symbols of libvirt is {self._debug_symbols!r}: set it to true or false")
        self._parts = _libvirt_features.chosen(self._features)

    @property
    def tools(self) -> list[str]:
        """The Debian packages that a build needs on the builder, besides those of the engine."""
        return _libvirt_features.together(self._parts, "tools")

    def inputs(self) -> dict[str, Any]:
        return {
            "recipe_version": RECIPE_VERSION,
            "arguments": self._arguments(),
            "debug_symbols": self._debug_symbols,
        }

    def build(self, shop: Workshop) -> None:
        _libvirt_tree.prepare(shop.tree)
        version = _deb.package_version(shop.version, shop.digest)
        flags = self._flags(shop, version)
        setup = ["meson", "setup", *self._arguments(), str(shop.build), str(shop.tree)]
        shop.run(setup, cwd=shop.folder, environment=flags, what="configure")
        shop.run(["ninja", f"-j{shop.jobs}"], cwd=shop.build, what="compile")
        install = ["meson", "install", "--no-rebuild", "--quiet", f"--destdir={shop.install}"]
        shop.run([*install, *([] if self._debug_symbols else ["--strip"])], cwd=shop.build, what="install")
        self._describe_api(shop)
        _libvirt_tree.tidy(shop.install)
        _libvirt_tree.sign(shop.install, {"package": PACKAGE, "version": version, "digest": shop.digest})
        _deb.make(shop, shop.install, self._control(shop.version, version, shop.install))

    def _arguments(self) -> list[str]:
        enabled = _libvirt_features.together(self._parts, "options")
        further = [argument for name, arguments in _WITH.items() if self._has(name) for argument in arguments]
        return [*_PLACES, *_ARGUMENTS, *(f"-D{option}=enabled" for option in enabled), *further]

    def _has(self, name: str) -> bool:
        return _libvirt_features.FEATURES[name] in self._parts

    def _flags(self, shop: Workshop, version: str) -> dict[str, str]:
        """The flags of Debian's packages; asked for in the folder whose name must not get into programs."""
        environment = dict(_FLAGS_ENVIRONMENT)
        if not self._debug_symbols:
            # They are a fifth of the compiler's work.
            environment["DEB_CFLAGS_APPEND"] = "-g0"
        flags = {
            name: shop.run(["dpkg-buildflags", "--get", name], cwd=shop.folder, environment=environment).strip()
            for name in _FLAGS
        }
        # Each program says whose it is, and so has a build id of its own even if a patch only changes what it loads.
        metadata = json.dumps(
            {"type": "deb", "os": "debian", "name": PACKAGE, "version": version}, separators=(",", ":")
        )
        flags["LDFLAGS"] += f" -Xlinker {shlex.quote(f'--package-metadata={metadata}')}"
        return flags

    def _describe_api(self, shop: Workshop) -> None:
        """Lay the description of the API, which bindings are made of; libvirt makes it with its documentation only."""
        documents = shop.build / "docs"
        documents.mkdir(exist_ok=True)
        script = shop.tree / "scripts/apibuild.py"
        shop.run(
            ["python3", str(script), str(shop.tree / "docs"), str(documents)], cwd=shop.build, what="describe the API"
        )
        target = shop.install / "usr/share/libvirt/api"
        target.mkdir(parents=True)
        for description in sorted(documents.glob("libvirt*-api.xml")):
            (target / description.name).write_bytes(description.read_bytes())

    def _control(self, source_version: str, version: str, root: Path) -> _deb.Control:
        provided = _libvirt_features.provided(self._parts)
        conflicting = _libvirt_features.DEBIAN_PACKAGES
        return _deb.Control(
            name=PACKAGE,
            version=version,
            description="libvirt for QEMU guests, built by stsm.live_migration, in place of the distribution's",
            depends=tuple(_libvirt_features.together(self._parts, "depends")),
            # With a version, so that what needs at least this libvirt (Debian's python3-libvirt, say) stays installed.
            provides=tuple(f"{name} (= {source_version})" for name in provided),
            conflicts=conflicting,
            replaces=conflicting,
            scripts=scripts(_libvirt_tree.profiles(root)),
        )


def _features(asked: Any) -> dict[str, bool]:
    """The features as asked for; BuildError names the first that there is not."""
    if not isinstance(asked, Mapping):
        raise BuildError(f"the features of libvirt are {asked!r}: set names of features, each to true or false")
    known: Mapping[str, Feature] = _libvirt_features.FEATURES
    for name, value in asked.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise BuildError(f"the recipe of libvirt has no feature {name} ({hint}): correct the features of libvirt")
        if not isinstance(value, bool):
            raise BuildError(f"the feature {name} of libvirt is {value!r}: set it to true or false")
    return dict(asked)
