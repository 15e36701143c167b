# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The root file system that all virtual hosts share: built once for a digest of its inputs, then only read."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _archives, _paths
from ansible_collections.stsm.live_migration.plugins.module_utils._machine._command import MachineError, run
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import (
    _apparmor,
    _boot_loader,
    _bootable,
    _disk,
    _relay_address,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._builder import Builder
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._recipe import (
    APT_OPTIONS,
    DPKG_OPTIONS,
    RECIPE_VERSION,
    Recipe,
)

_BUILD_DISK_MIB = 2048
# The tree and the disk made of it lie there at once.
_BOOTABLE_BUILD_DISK_MIB = 4096
# Each host gets its own identity when it is made.
_IDENTITY = ("etc/hostname", "etc/machine-id", "etc/resolv.conf", "etc/ssh/ssh_host_*", "var/lib/dbus/machine-id")
ROOT = "root"
DISK = "disk.raw"
KERNEL = "vmlinuz"
INITRAMFS = "initrd.img"
_KEYRING_FOLDER = "usr/share/keyrings"


@dataclass(frozen=True)
class Image:
    """A whole image in `folder`; `packages` maps each package to its version.

    A bootable one is the files `disk.raw`, `vmlinuz` and `initrd.img`, any other the folder `root`.
    """

    digest: str
    folder: Path
    packages: dict[str, str]


def find(cache_folder: Path, recipe: Recipe) -> Image | None:
    """The image of this recipe, or None if it was never built; MachineError if it is no longer what was built."""
    folder = cache_folder / recipe.digest()
    if not folder.is_dir():
        return None
    remedy = f"remove {folder} (after teardown) and provision again"
    try:
        manifest = json.loads((folder / "image.json").read_text(encoding="utf-8"))
        expected = manifest["contents"]
        packages = dict(manifest["packages"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MachineError(f"the image in {folder} is damaged (image.json cannot be read): {remedy}") from error
    damage = _bootable_damage(folder, expected) if recipe.bootable else _tree_damage(folder, expected)
    if damage:
        raise MachineError(f"the image in {folder} is damaged ({damage}): {remedy}")
    return Image(recipe.digest(), folder, packages)


def build(cache_folder: Path, recipe: Recipe) -> Image:
    """Build the image in a temporary folder and give it its name when it is whole; waits for a build under way."""
    if os.geteuid() != 0:
        raise MachineError("an image is built as root: set become for the provisioner")
    needed_mib = _BOOTABLE_BUILD_DISK_MIB if recipe.bootable else _BUILD_DISK_MIB
    _paths.require_free_disk(cache_folder, needed_mib, "building a host image")
    cache_folder.mkdir(parents=True, exist_ok=True)
    with _only_build(cache_folder) as lock:
        image = find(cache_folder, recipe)
        if image is not None:
            return image
        for leftover in cache_folder.glob(".building-*"):
            _paths.remove_folder(leftover)
        building = cache_folder / f".building-{recipe.digest()}"
        building.mkdir(mode=0o755)
        try:
            packages = _build_in(building, Builder(lock), recipe)
            os.sync()
            building.rename(cache_folder / recipe.digest())
        except BaseException:
            _paths.remove_folder(building)
            raise
    return Image(recipe.digest(), cache_folder / recipe.digest(), packages)


def _build_in(building: Path, builder: Builder, recipe: Recipe) -> dict[str, str]:
    """Make all files of the image; returns its packages."""
    root = building / ROOT
    archives = _archives.read_archives()
    _bootstrap(root, recipe, archives, builder)
    _configure(root, recipe, archives)
    packages = _packages(root)
    contents: dict[str, Any] = _tree_contents(root)
    if recipe.bootable:
        _bootable.lay(root)
        _make_bootable(building, builder, recipe)
        contents = _bootable_contents(building)
    manifest = {"recipe_version": RECIPE_VERSION, "packages": packages, "contents": contents}
    _paths.write_file(building / "image.json", json.dumps(manifest, indent=1) + "\n")
    return packages


def _make_bootable(building: Path, builder: Builder, recipe: Recipe) -> None:
    """Replace the tree by a disk with its contents, and its kernel."""
    root = building / ROOT
    release = _bootable.kernel_release(root)
    _boot_loader.lay(builder, root, release, recipe.kernel_arguments)
    for name in (KERNEL, INITRAMFS):
        _disk.copy_out(root / f"boot/{name}-{release}", building / name)
    _apparmor.disable_idle_profiles(root)
    _apparmor.compile_profiles(builder, root, building / KERNEL, building / INITRAMFS)
    tree = _tree_contents(root)
    _disk.write(builder, root, building / DISK, _disk.disk_mib(tree["bytes"], tree["entries"]))
    (building / DISK).chmod(0o444)
    _paths.remove_folder(root)


@contextmanager
def _only_build(cache_folder: Path) -> Iterator[int]:
    """Hold the lock of the image cache; its descriptor goes to the builder, so that it outlives a killed parent."""
    with (cache_folder / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _bootstrap(root: Path, recipe: Recipe, archives: dict[str, _archives.Archive], builder: Builder) -> None:
    """Unpack the packages over the files that they are to find."""
    for name, (content, mode) in recipe.early_files().items():
        _paths.write_file(root / name, content, mode)
    argv = ["mmdebstrap", "--mode=root"]
    argv += ["--variant=minbase", "--format=directory", "--skip=check/empty"]
    argv += [f"--include={','.join(recipe.all_packages())}"]
    argv += [f"--aptopt={option.rstrip(';')}" for option in (*APT_OPTIONS, *_archives.read_proxy_options())]
    argv += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    argv += [recipe.suite, str(root)]
    argv += [
        f"deb [signed-by={archive.keyring}] {archive.uri} {suite} main"
        for archive, suite in _archives.suites_of(recipe.suite, recipe.pinned_suites(), archives)
    ]
    builder.run(argv, f"mmdebstrap could not build Debian {recipe.suite}")


def _configure(root: Path, recipe: Recipe, archives: dict[str, _archives.Archive]) -> None:
    """Make the bare file system a host: package sources, units, no identity of its own."""
    for name, (content, mode) in recipe.files().items():
        _paths.write_file(root / name, content, mode)
    for pattern in _IDENTITY:
        for found in root.glob(pattern):
            found.unlink()
    # systemd takes the empty file for a first boot that is not one to run all presets for.
    (root / "etc/machine-id").touch(mode=0o444)
    # Of the builder: the machine's own mirror and proxy, which a host does not reach.
    for pattern in (
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/*",
        "etc/apt/apt.conf.d/99*",
        "etc/dpkg/dpkg.cfg.d/99*",
    ):
        for leftover in root.glob(pattern):
            leftover.unlink()
    _paths.write_file(root / "etc/apt/sources.list.d/debian.sources", _host_sources(root, recipe, archives))
    run(["systemctl", f"--root={root}", "--quiet", "enable", "systemd-networkd.service", "ssh.service"])
    run(["systemctl", f"--root={root}", "--quiet", "mask", *recipe.masked_units()])


def _host_sources(root: Path, recipe: Recipe, archives: dict[str, _archives.Archive]) -> str:
    """The hosts' package sources, in deb822 form: the provisioner's relay by a name that each host resolves itself."""
    stanzas: list[str] = []
    for name, archive in sorted(archives.items()):
        keyring = f"{_KEYRING_FOLDER}/provisioner-{name}.gpg"
        if Path(archive.keyring).suffix == ".asc":
            keyring = f"{_KEYRING_FOLDER}/provisioner-{name}.asc"
        shutil.copyfile(archive.keyring, str(root / keyring))
        (root / keyring).chmod(0o644)
        suites = _archives.suites_of(recipe.suite, recipe.suites(), archives)
        stanzas.append(
            "Types: deb\n"
            f"URIs: http://{_relay_address.NAME}:{_relay_address.PORT}/{name}\n"
            f"Suites: {' '.join(suite for used, suite in suites if used.name == name)}\n"
            "Components: main\n"
            f"Signed-By: /{keyring}\n"
        )
    return "\n".join(stanzas)


def _packages(root: Path) -> dict[str, str]:
    shown = run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\n"])
    return dict(line.split(" ", 1) for line in shown.splitlines())


def _tree_damage(folder: Path, expected: dict[str, int]) -> str:
    """What is wrong with a tree; empty if nothing."""
    found = _tree_contents(folder / ROOT)
    if found == expected:
        return ""
    return (
        f"{found['entries']} files with {found['bytes']} bytes, "
        f"built were {expected['entries']} with {expected['bytes']}"
    )


def _bootable_damage(folder: Path, expected: dict[str, Any]) -> str:
    """Which file is not what was built; empty if none."""
    try:
        found = _bootable_contents(folder)
    except OSError as error:
        return f"{error.filename} cannot be read"
    return next((f"{name} has changed since it was built" for name in found if found[name] != expected.get(name)), "")


def _bootable_contents(folder: Path) -> dict[str, Any]:
    return {name: _disk.fingerprint(folder / name) for name in (DISK, KERNEL, INITRAMFS)}


def _tree_contents(root: Path) -> dict[str, int]:
    """How many entries there are and how many bytes their regular files have: cheap, and any loss shows in it."""
    entries = 0
    size = 0
    folders: Sequence[str] = [str(root)] if root.is_dir() else []
    while folders:
        below: list[str] = []
        for folder in folders:
            with os.scandir(folder) as found:
                for entry in found:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
        folders = below
    return {"entries": entries, "bytes": size}
