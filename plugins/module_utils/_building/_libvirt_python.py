# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The binding for Python, made of the description of the API that the libvirt of the same build has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import Layout
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

# The name of its source among the further ones.
SOURCE = "python"
_RELEASE = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")


def check(shop: Workshop) -> None:
    """BuildError unless there is a source of the binding that knows all that this libvirt has without patches."""
    try:
        release = (shop.further(SOURCE) / "VERSION").read_text(encoding="utf-8").split()[-1]
    except (OSError, IndexError):
        raise BuildError(
            "libvirt is built with its binding for Python, but the further source python is not libvirt-python: "
            "set libvirt_python_source"
        ) from None
    if _numbers(release) < _numbers(shop.version):
        raise BuildError(
            f"libvirt-python {release} is older than libvirt {shop.version} and cannot know its API: "
            "set libvirt_python_source to the release of the same number"
        )


def build(shop: Workshop, layout: Layout, environment: Mapping[str, str]) -> list[str]:
    """Build it against what is installed below `shop.install`; return the packages that it needs."""
    tree, target = shop.further(SOURCE), shop.install / layout.python[1:]
    pkgconfig = shop.folder / "pkgconfig"
    pkgconfig.mkdir()
    (pkgconfig / "libvirt.pc").write_text(_pkgconfig(shop, layout), encoding="utf-8")
    environment = {**environment, "PKG_CONFIG_LIBDIR": str(pkgconfig)}
    if layout.rpath == "enabled":
        environment["LDFLAGS"] += f" -Wl,-rpath,{layout.prefix}/{layout.libdir}"
    setup = ["python3", "setup.py", "--quiet"]
    steps = ["build", f"--build-lib={target}", "install_egg_info", f"--install-dir={target}"]
    shop.run([*setup, *steps], cwd=tree, environment=environment, what="build the binding for Python")
    # Compiled here, so that a host's Python leaves nothing that no package has.
    compiling = ["python3", "-m", "compileall", "-q", "-s", str(shop.install), "-p", "/", str(target)]
    shop.run(compiling, cwd=tree, what="compile the binding's modules")
    major, minor = shop.run(
        ["python3", "-c", "import sys; print(*sys.version_info[:2])"], cwd=tree, what="ask for Python's version"
    ).split()
    return [f"python3 (>= {major}.{minor}~)", f"python3 (<< {major}.{int(minor) + 1})"]


def _numbers(version: str) -> tuple[int, ...]:
    found = _RELEASE.match(version)
    return tuple(int(number) for number in found.group(1).split(".")) if found else ()


def _pkgconfig(shop: Workshop, layout: Layout) -> str:
    """How the binding's build finds this libvirt, which is not where it will be."""
    prefix: Path = shop.install / layout.prefix[1:]
    return (
        "Name: libvirt\n"
        "Description: the libvirt of this build\n"
        f"Version: {'.'.join(map(str, _numbers(shop.version)))}\n"
        f"Libs: -L{prefix / layout.libdir} -lvirt\n"
        f"Cflags: -I{prefix / 'include'}\n"
        f"libvirt_api={prefix / 'share/libvirt/api/libvirt-api.xml'}\n"
    )
