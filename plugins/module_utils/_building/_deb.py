# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A Debian package made of a folder of installed files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop

_MAINTAINER = "the stsm.live_migration authors <stsm@invalid>"
_ARCHITECTURE = "amd64"
_ELF = b"\x7fELF"


@dataclass(frozen=True)
class Control:
    """What a package says of itself; `scripts` are maintainer scripts by name (postinst, prerm, …).

    To `depends` come the packages of the shared libraries that its programs are linked to.
    """

    name: str
    version: str
    description: str
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)


def make(shop: Workshop, root: Path, control: Control) -> Path:
    """Make the package of all files below *root* (a DESTDIR); files below its /etc become configuration files."""
    folder = root / "DEBIAN"
    folder.mkdir()
    depends = [*control.depends, *_library_packages(shop, root, control.name)]
    (folder / "control").write_text(_fields(control, root, depends), encoding="utf-8")
    configuration = sorted(f"/{path.relative_to(root)}" for path in (root / "etc").rglob("*") if path.is_file())
    if configuration:
        (folder / "conffiles").write_text("\n".join(configuration) + "\n", encoding="utf-8")
    for name, text in control.scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    folder.chmod(0o755)
    package = (
        shop.packages / f"{control.name}_{control.version.partition(':')[2] or control.version}_{_ARCHITECTURE}.deb"
    )
    shop.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build", str(root), str(package)],
        cwd=shop.folder,
        what=f"pack {control.name}",
    )
    return package


def package_version(version: str, digest: str) -> str:
    """The version of a package of ours: the source's, and which build of it."""
    return f"{version}+stsm.{digest[:8]}"


def _fields(control: Control, root: Path, depends: list[str]) -> str:
    size_kib = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir()) // 1024
    relations = {
        "Depends": depends,
        "Provides": control.provides,
        "Conflicts": control.conflicts,
        "Replaces": control.replaces,
    }
    lines = [
        f"Package: {control.name}",
        f"Version: {control.version}",
        f"Architecture: {_ARCHITECTURE}",
        f"Maintainer: {_MAINTAINER}",
        f"Installed-Size: {size_kib}",
        *(f"{name}: {', '.join(values)}" for name, values in relations.items() if values),
        "Section: admin",
        "Priority: optional",
        f"Description: {control.description}",
    ]
    return "\n".join(lines) + "\n"


def _library_packages(shop: Workshop, root: Path, name: str) -> list[str]:
    """The packages of the shared libraries, with the versions that their symbols need."""
    programs = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink() and _is_elf(path)]
    if not programs:
        return []
    folder = shop.folder / "shlibdeps"
    (folder / "debian").mkdir(parents=True, exist_ok=True)
    stub = f"Source: {name}\n\nPackage: {name}\nArchitecture: {_ARCHITECTURE}\n"
    (folder / "debian/control").write_text(stub, encoding="utf-8")
    own = sorted({str(path.parent) for path in programs if ".so" in path.name})
    argv = ["dpkg-shlibdeps", "-O", "--warnings=0", "--ignore-missing-info", f"-x{name}"]
    printed = shop.run(
        [*argv, *(f"-l{path}" for path in own), *map(str, programs)], cwd=folder, what="shared libraries"
    )
    found = re.search(r"^shlibs:Depends=(.*)$", printed, re.M)
    if found is None:
        raise BuildError(f"dpkg-shlibdeps does not say which libraries {name} needs, but: {printed.strip()[-200:]}")
    return found.group(1).split(", ")


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
