# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""libvirt's files: the source before it is configured, and the installed tree before it is packed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Mapping

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._facts import build_id
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import Layout

# What the package is and of which programs it consists, for whoever wants to prove that they run.
MANIFEST = "{usr}/share/stsm-live-migration/libvirt.json"
_DAEMONS = ("libvirtd", "virtlockd", "virtlogd")
# The modular daemons have all of these; Debian leaves them out, and so does a monolithic libvirtd.
_OF_A_DAEMON = (
    "{usr}/sbin/NAME",
    "{etc}/libvirt/NAME.conf",
    "{etc}/apparmor.d/usr.sbin.NAME",
    "usr/lib/systemd/system/NAME.service",
    "usr/lib/systemd/system/NAME.socket",
    "usr/lib/systemd/system/NAME-*.socket",
    "{usr}/share/augeas/lenses/NAME.aug",
)
_LEFT_OUT = (
    # For developers, and for tests.
    "{usr}/include",
    "{lib}/pkgconfig",
    "{lib}/libvirt*.so",
    "{usr}/share/augeas/lenses/tests",
    "{usr}/share/doc",
    # Of hypervisors that are not built.
    "{etc}/apparmor.d/abstractions/libvirt-lxc",
    "{etc}/apparmor.d/libvirt/TEMPLATE.lxc",
    "{etc}/apparmor.d/usr.sbin.virtxend",
    "{etc}/logrotate.d/libvirtd.libxl",
    "{etc}/logrotate.d/libvirtd.lxc",
    # Users are made as Debian makes them, and post-copy is permitted by the role qemu.
    "{usr}/lib/sysusers.d",
    "{usr}/lib/sysctl.d",
    # In Debian's packages libvirt-daemon-config-network, libvirt-daemon-config-nwfilter, libvirt-clients-qemu and
    # libvirt-l10n, which can be installed beside this one.
    "{etc}/libvirt/qemu/networks/*",
    "{etc}/libvirt/nwfilter/*",
    "{usr}/bin/virt-qemu-qmp-proxy",
    "{usr}/bin/virt-qemu-sev-validate",
    "{usr}/share/locale",
    # Made at every boot.
    "run",
)
# The name that Debian gives it, and a site may have overridden.
_RENAMED = {"{usr}/share/polkit-1/rules.d/50-libvirt.rules": "60-libvirt.rules"}
_PROGRAM_FOLDERS = ("{usr}/bin", "{usr}/lib", "{usr}/libexec", "{usr}/sbin")
_PROFILE = re.compile(r"usr\.[a-z0-9.-]+")
# What is changed in the source's meson.build. A release that says it otherwise is built all the same, and takes longer.
_FOR_THE_BUILD = {
    # The folder of the source and of the build, which no installed program looks into: it would get into the programs,
    # and no compilation of one build would be found by the next, which lies in another folder.
    re.compile(r"(abs_top_(?:build|src)dir\b[^\n]*)meson\.project_\w+_root\(\)"): r"\1'/usr/src/libvirt'",
    # The modular daemons are the monolithic one over again, and most of the work when a patch touches the protocol.
    re.compile(r"^(foreach daemon : virt_daemons\n)", re.M): (
        rf"\1  if daemon['name'] not in {list(_DAEMONS)}\n    continue\n  endif\n"
    ),
    re.compile(r"^subdir\('examples'\)\n", re.M): "",
}


def prepare(tree: Path) -> None:
    """Make the source ready to be configured."""
    if not (tree / "subprojects/keycodemapdb/meson.build").is_file():
        raise BuildError(
            "the source of libvirt lacks subprojects/keycodemapdb, which its repository keeps as a submodule: "
            "set source to a release's archive or to a repository with that folder in it"
        )
    for name in ("meson.build", "src/meson.build"):
        path = tree / name
        text = path.read_text(encoding="utf-8")
        for found, replacement in _FOR_THE_BUILD.items():
            text = found.sub(replacement, text)
        path.write_text(text, encoding="utf-8")


def tidy(root: Path, layout: Layout) -> None:
    """Leave below *root* what a host with the monolithic daemon needs, where Debian has it."""
    modular = sorted({path.stem for path in (root / "usr/lib/systemd/system").glob("virt*d.service")} - set(_DAEMONS))
    patterns = [pattern.replace("NAME", name) for name in modular for pattern in _OF_A_DAEMON]
    for pattern in (*_LEFT_OUT, *patterns):
        for path in sorted(root.glob(layout.below(pattern))):
            shutil.rmtree(str(path)) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, renamed in _RENAMED.items():
        path = root / layout.below(name)
        if path.exists():
            path.rename(path.with_name(renamed))


def sign(root: Path, layout: Layout, identity: Mapping[str, str]) -> None:
    """Write who the package is, where its settings and sockets are, and the build ids of its programs."""
    programs = sorted(
        path
        for folder in _PROGRAM_FOLDERS
        for path in (root / layout.below(folder)).rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    build_ids = {f"/{path.relative_to(root)}": build_id(str(path)) for path in programs}
    manifest = {
        **identity,
        "daemon": layout.daemon,
        "configuration": f"{layout.configuration}/libvirt",
        "runtime": f"{layout.runtime}/libvirt",
        "build_ids": {path: found for path, found in build_ids.items() if found},
    }
    path = root / layout.below(MANIFEST)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def profiles(root: Path) -> list[str]:
    """The AppArmor profiles of programs in the tree."""
    folder = root / "etc/apparmor.d"
    return sorted(path.name for path in folder.glob("*") if path.is_file() and _PROFILE.fullmatch(path.name))
