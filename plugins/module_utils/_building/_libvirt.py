# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""libvirt with the monolithic daemon and its binding for Python, as one package."""

from __future__ import annotations

import difflib
import json
import shlex
from typing import Any, Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building import (
    _deb,
    _libvirt_beside,
    _libvirt_features,
    _libvirt_python,
    _libvirt_tree,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_features import Feature
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import LAYOUTS, REPLACE
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_scripts import scripts
from ansible_collections.stsm.live_migration.plugins.module_utils._building._tool import packages_lacking
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

# Raised when what is written here, or in the other files of this recipe, changes what the package contains.
RECIPE_VERSION = 4
_OPTIONS = ("debug_symbols", "features", "layout")
# As Debian builds it, where it makes a difference to a guest or to a client. What no feature asks for is off.
_ARGUMENTS = (
    "--buildtype=plain",
    "--wrap-mode=nofallback",
    "-Dauto_features=disabled",
    "-Dno_git=true",
    "-Dgit_werror=disabled",
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
    """`features` maps names of features to whether libvirt has them, `debug_symbols` keeps symbols in the programs.

    `layout` is `replace` (in the place of the distribution's) or `beside` (where nothing of the distribution's is).
    """

    DISK_MIB = 1024

    def __init__(self, options: Mapping[str, Any]) -> None:
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise BuildError(
                f"libvirt is built with the options {', '.join(_OPTIONS)}, and {unknown[0]} is not one: leave it out"
            )
        layout = options.get("layout", "replace")
        if layout not in LAYOUTS:
            raise BuildError(f"the layout of libvirt is {layout!r}: set it to {' or '.join(LAYOUTS)}")
        self._layout = LAYOUTS[layout]
        self._features = _features(options.get("features") or {}, self._layout.without)
        self._debug_symbols = options.get("debug_symbols", False)
        if not isinstance(self._debug_symbols, bool):
            raise BuildError(f"debug_symbols of libvirt is {self._debug_symbols!r}: set it to true or false")
        self._parts = _libvirt_features.chosen(self._features)

    def inputs(self) -> dict[str, Any]:
        return {
            "recipe_version": RECIPE_VERSION,
            "arguments": self._arguments(),
            "debug_symbols": self._debug_symbols,
        }

    def build(self, shop: Workshop) -> None:
        _libvirt_python.check(shop)
        _libvirt_tree.prepare(shop.tree)
        version = _deb.package_version(shop.version, shop.digest)
        flags = self._flags(shop, version)
        self._configure(shop, flags)
        shop.run(["ninja", f"-j{shop.jobs}"], cwd=shop.build, what="compile")
        install = ["meson", "install", "--no-rebuild", "--quiet", f"--destdir={shop.install}"]
        shop.run([*install, *([] if self._debug_symbols else ["--strip"])], cwd=shop.build, what="install")
        self._describe_api(shop)
        python = _libvirt_python.build(shop, self._layout, flags)
        _libvirt_tree.tidy(shop.install, self._layout)
        if self._layout is not REPLACE:
            _libvirt_beside.set_apart(shop.install, self._layout)
        identity = {"package": self._layout.package, "version": version, "digest": shop.digest}
        _libvirt_tree.sign(shop.install, self._layout, identity)
        _deb.make(shop, shop.install, self._control(shop, version, python))

    def _configure(self, shop: Workshop, flags: dict[str, str]) -> None:
        setup = ["meson", "setup", *self._arguments(), str(shop.build), str(shop.tree)]
        try:
            shop.run(setup, cwd=shop.folder, environment=flags, what="configure")
        except BuildError as error:
            # meson names what pkg-config calls it.
            lacking = packages_lacking(_libvirt_features.together(self._parts, "tools"))
            if not lacking:
                raise
            raise BuildError(
                f"libvirt cannot be configured, and the builder lacks {', '.join(lacking)}: "
                "add what its features need to libvirt_additional_build_packages",
                error.log,
            ) from error

    def _arguments(self) -> list[str]:
        enabled = _libvirt_features.together(self._parts, "options")
        further = [argument for name, arguments in _WITH.items() if self._has(name) for argument in arguments]
        return [*self._layout.arguments(), *_ARGUMENTS, *(f"-D{option}=enabled" for option in enabled), *further]

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
            {"type": "deb", "os": "debian", "name": self._layout.package, "version": version}, separators=(",", ":")
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
        target = shop.install / self._layout.below("{usr}/share/libvirt/api")
        target.mkdir(parents=True)
        for description in sorted(documents.glob("libvirt*-api.xml")):
            (target / description.name).write_bytes(description.read_bytes())

    def _control(self, shop: Workshop, version: str, depends: list[str]) -> _deb.Control:
        replaces = self._layout is REPLACE
        conflicting = _libvirt_features.DEBIAN_PACKAGES if replaces else ()
        # With a version, so that what needs at least this libvirt (Debian's python3-nova, say) stays installed.
        provided = [f"{name} (= {shop.version})" for name in _libvirt_features.provided(self._parts)]
        return _deb.Control(
            name=self._layout.package,
            version=version,
            description=self._layout.description,
            depends=(*_libvirt_features.together(self._parts, "depends"), *depends),
            provides=tuple(provided) if replaces else (),
            conflicts=conflicting,
            replaces=conflicting,
            scripts=scripts(self._layout, _libvirt_tree.profiles(shop.install)),
        )


def _features(asked: Any, without: tuple[str, ...]) -> dict[str, bool]:
    """The features as asked for, and none of *without*; BuildError names the first that there is not."""
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
        if value and name in without:
            raise BuildError(
                f"libvirt beside the distribution's cannot have the feature {name}: leave it out, "
                "or set the layout to replace"
            )
    return {**dict.fromkeys(without, False), **asked}
