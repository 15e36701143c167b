# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The source before it is configured, and the installed files before they are packed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._building import _libvirt_beside, _libvirt_tree
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._libvirt_layout import BESIDE, REPLACE

INSTALLED = (
    "etc/apparmor.d/abstractions/libvirt-qemu",
    "etc/apparmor.d/libvirt/TEMPLATE.lxc",
    "etc/apparmor.d/usr.lib.libvirt.virt-aa-helper",
    "etc/apparmor.d/usr.sbin.libvirtd",
    "etc/apparmor.d/usr.sbin.virtqemud",
    "etc/libvirt/libvirtd.conf",
    "etc/libvirt/nwfilter/allow-arp.xml",
    "etc/libvirt/qemu.conf",
    "etc/libvirt/qemu/networks/autostart/default.xml",
    "etc/libvirt/virtqemud.conf",
    "run/libvirt/qemu/x",
    "usr/include/libvirt/libvirt.h",
    "usr/lib/systemd/system/libvirtd-tls.socket",
    "usr/lib/systemd/system/virtqemud-admin.socket",
    "usr/lib/systemd/system/virtqemud.service",
    "usr/lib/sysusers.d/libvirt-qemu.conf",
    "usr/lib/x86_64-linux-gnu/libvirt.so",
    "usr/lib/x86_64-linux-gnu/libvirt.so.0",
    "usr/sbin/libvirtd",
    "usr/sbin/virtlogd",
    "usr/sbin/virtqemud",
    "usr/share/polkit-1/rules.d/50-libvirt.rules",
)
KEPT = (
    "etc/apparmor.d/abstractions/libvirt-qemu",
    "etc/apparmor.d/usr.lib.libvirt.virt-aa-helper",
    "etc/apparmor.d/usr.sbin.libvirtd",
    "etc/libvirt/libvirtd.conf",
    "etc/libvirt/qemu.conf",
    "usr/lib/systemd/system/libvirtd-tls.socket",
    "usr/lib/x86_64-linux-gnu/libvirt.so.0",
    "usr/sbin/libvirtd",
    "usr/sbin/virtlogd",
    "usr/share/polkit-1/rules.d/60-libvirt.rules",
)


def lay(root: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_host_gets_the_monolithic_daemon_and_what_hangs_on_it(tmp_path: Path) -> None:
    lay(tmp_path, INSTALLED)
    _libvirt_tree.tidy(tmp_path, REPLACE)
    assert files(tmp_path) == sorted(KEPT)
    # Where networks are defined is made, though the packaged one is another package's.
    assert (tmp_path / "etc/libvirt/qemu/networks").is_dir()
    assert _libvirt_tree.profiles(tmp_path) == ["usr.lib.libvirt.virt-aa-helper", "usr.sbin.libvirtd"]


def test_the_package_names_its_programs_by_build_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, ("usr/sbin/libvirtd", "usr/bin/virt-xml-validate"))
    monkeypatch.setattr(_libvirt_tree, "build_id", lambda path: "c0ffee" if path.endswith("libvirtd") else "")
    _libvirt_tree.sign(tmp_path, REPLACE, {"version": "11.3.0-3+stsm.0123abcd"})
    assert json.loads((tmp_path / "usr/share/stsm-live-migration/libvirt.json").read_text()) == {
        "version": "11.3.0-3+stsm.0123abcd",
        "daemon": "/usr/sbin/libvirtd",
        "configuration": "/etc/libvirt",
        "runtime": "/run/libvirt",
        "build_ids": {"/usr/sbin/libvirtd": "c0ffee"},
    }


def test_beside_the_distributions_all_that_hosts_share_has_names_of_its_own(tmp_path: Path) -> None:
    units, etc = tmp_path / "usr/lib/systemd/system", tmp_path / "etc/opt/stsm-live-migration"
    lay(tmp_path, ("etc/opt/stsm-live-migration/logrotate.d/libvirtd", "etc/opt/stsm-live-migration/libvirt/qemu.conf"))
    lay(units, ("libvirt-guests.service", "virt-guest-shutdown.target"))
    (units / "libvirtd.service").write_text("[Unit]\nRequires=virtlogd.socket\nDocumentation=man:libvirtd(8)\n")
    (units / "libvirtd-tls.socket").write_text("[Unit]\nBindsTo=libvirtd.socket\n[Socket]\nService=libvirtd.service\n")
    _libvirt_beside.set_apart(tmp_path, BESIDE)
    assert sorted(path.name for path in units.iterdir()) == ["stsm-libvirtd-tls.socket", "stsm-libvirtd.service"]
    service, socket = (units / name for name in ("stsm-libvirtd.service", "stsm-libvirtd-tls.socket"))
    assert service.read_text() == "[Unit]\nRequires=stsm-virtlogd.socket\nDocumentation=man:libvirtd(8)\n"
    assert socket.read_text() == (
        "[Unit]\nBindsTo=stsm-libvirtd.socket\n"
        "[Socket]\nFileDescriptorName=libvirtd-tls.socket\nService=stsm-libvirtd.service\n"
    )
    assert (tmp_path / "etc/logrotate.d/stsm-libvirtd").is_file() and not (etc / "logrotate.d").exists()
    assert (etc / "pki").readlink() == Path("/etc/pki")
    python = tmp_path / "opt/stsm-live-migration/libvirt/bin/python3"
    assert python.stat().st_mode & 0o111 == 0o111
    assert "PYTHONPATH=/opt/stsm-live-migration/libvirt/lib/python3/dist-packages" in python.read_text()


def source(tree: Path) -> None:
    lay(tree, ("subprojects/keycodemapdb/meson.build",))
    (tree / "src").mkdir()
    (tree / "meson.build").write_text(
        "conf.set_quoted('abs_top_builddir', meson.project_build_root())\n"
        "conf.set_quoted('abs_top_srcdir', meson.project_source_root())\n"
        "script = meson.project_source_root() / 'scripts'\n"
        "subdir('src')\n"
        "subdir('examples')\n"
    )
    (tree / "src/meson.build").write_text(
        "'-Dabs_top_srcdir=\"@0@\"'.format(meson.project_source_root()),\nforeach daemon : virt_daemons\n"
    )


def test_the_builders_paths_and_what_no_host_needs_stay_out(tmp_path: Path) -> None:
    source(tmp_path)
    _libvirt_tree.prepare(tmp_path)
    assert (tmp_path / "meson.build").read_text() == (
        "conf.set_quoted('abs_top_builddir', '/usr/src/libvirt')\n"
        "conf.set_quoted('abs_top_srcdir', '/usr/src/libvirt')\n"
        "script = meson.project_source_root() / 'scripts'\n"
        "subdir('src')\n"
    )
    assert (tmp_path / "src/meson.build").read_text() == (
        "'-Dabs_top_srcdir=\"@0@\"'.format('/usr/src/libvirt'),\n"
        "foreach daemon : virt_daemons\n"
        "  if daemon['name'] not in ['libvirtd', 'virtlockd', 'virtlogd']\n"
        "    continue\n"
        "  endif\n"
    )


def test_a_repository_without_its_submodule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="lacks subprojects/keycodemapdb, which its repository keeps as a submodule"):
        _libvirt_tree.prepare(tmp_path)
