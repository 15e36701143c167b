# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The root file system that all virtual hosts share: built once for a digest of its inputs, then only read."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _paths, _sources
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._command import ProvisioningError, run

# Raised when the recipe below changes what an image contains.
RECIPE_VERSION = 1
_BUILD_DISK_MIB = 2048
_BUILD_TIMEOUT_SECONDS = 1200
# What timeout(1) returns; it ends all processes of the build, which a time limit of Python's would not.
_TIMED_OUT = 124
# What makes the file system a host that Ansible can reach; the rest is installed over SSH as at any site.
_HOST_PACKAGES = (
    "ca-certificates",
    "dbus",
    "debian-archive-keyring",
    "iproute2",
    "iputils-ping",
    "kmod",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "systemd",
    "systemd-sysv",
    "udev",
)
# Timers that would wake up in the middle of a measurement.
_MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-networkd-wait-online.service",
)
_APT_OPTIONS = ('APT::Install-Recommends "false";', 'Acquire::Languages "none";')
_DPKG_OPTIONS = (
    # A host lives for hours and is made again in seconds: what a power cut could lose is worth nothing.
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
# A container's user manager does not end in time, and PAM would make each login wait for it; a key needs no PAM.
_SSHD_OPTIONS = ("UsePAM no", "UseDNS no", "MaxStartups 64")
_FILES = {
    "etc/apt/apt.conf.d/90virtual-host": "\n".join(_APT_OPTIONS) + "\n",
    "etc/dpkg/dpkg.cfg.d/virtual-host": "\n".join(_DPKG_OPTIONS) + "\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/fstab": "",
    "etc/ssh/sshd_config.d/virtual-host.conf": "\n".join(_SSHD_OPTIONS) + "\n",
    "etc/systemd/journald.conf.d/virtual-host.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n",
    "etc/systemd/system.conf.d/virtual-host.conf": "[Manager]\nDefaultTimeoutStopSec=5s\n",
}
# Each host gets its own identity when it is made.
_IDENTITY = ("etc/hostname", "etc/machine-id", "etc/resolv.conf", "etc/ssh/ssh_host_*", "var/lib/dbus/machine-id")
PACKAGE_RELAY_NAME = "package-relay"
PACKAGE_RELAY_PORT = 3142
_KEYRING_FOLDER = "usr/share/keyrings"


@dataclass(frozen=True)
class Recipe:
    """All inputs of an image."""

    suite: str
    extra_suites: tuple[str, ...]
    packages: tuple[str, ...]

    def digest(self) -> str:
        """Twelve hexadecimal digits that name the image; the same inputs give the same name on every machine."""
        inputs = [RECIPE_VERSION, self.suite, sorted(self.extra_suites), sorted(self.packages), _HOST_PACKAGES]
        inputs += [_MASKED_UNITS, sorted(_FILES.items())]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Image:
    """A whole image: `root` is the file system, `packages` maps each package to its version."""

    digest: str
    root: Path
    packages: dict[str, str]


def find(cache_folder: Path, recipe: Recipe) -> Image | None:
    """The image of this recipe, or None if it was never built; ProvisioningError if it is no longer what was built."""
    folder = cache_folder / recipe.digest()
    if not folder.is_dir():
        return None
    remedy = f"remove {folder} (after teardown) and provision again"
    try:
        manifest = json.loads((folder / "image.json").read_text(encoding="utf-8"))
        expected = manifest["contents"]
        packages = dict(manifest["packages"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProvisioningError(f"the image in {folder} is damaged (image.json cannot be read): {remedy}") from error
    found = _contents(folder / "root")
    if found != expected:
        raise ProvisioningError(
            f"the image in {folder} is damaged ({found['entries']} files with {found['bytes']} bytes, "
            f"built were {expected['entries']} with {expected['bytes']}): {remedy}"
        )
    return Image(recipe.digest(), folder / "root", packages)


def build(cache_folder: Path, recipe: Recipe) -> Image:
    """Build the image in a temporary folder and give it its name when it is whole; waits for a build under way."""
    if os.geteuid() != 0:
        raise ProvisioningError("an image is built as root: set become for the provisioner")
    _paths.require_free_disk(cache_folder, _BUILD_DISK_MIB, "building a host image")
    cache_folder.mkdir(parents=True, exist_ok=True)
    with _only_build(cache_folder) as lock:
        image = find(cache_folder, recipe)
        if image is not None:
            return image
        for leftover in cache_folder.glob(".building-*"):
            _paths.remove_folder(leftover)
        building = cache_folder / f".building-{recipe.digest()}"
        root = building / "root"
        building.mkdir(mode=0o755)
        archives = _sources.read_archives()
        try:
            _bootstrap(root, recipe, archives, lock)
            _configure(root, recipe, archives)
            packages = _packages(root)
            manifest = {"recipe_version": RECIPE_VERSION, "packages": packages, "contents": _contents(root)}
            _paths.write_file(building / "image.json", json.dumps(manifest, indent=1) + "\n")
            os.sync()
            building.rename(cache_folder / recipe.digest())
        except BaseException:
            _paths.remove_folder(building)
            raise
    return Image(recipe.digest(), cache_folder / recipe.digest() / "root", packages)


@contextmanager
def _only_build(cache_folder: Path) -> Iterator[int]:
    """Hold the lock of the image cache; its descriptor goes to the builder, so that it outlives a killed parent."""
    with (cache_folder / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _bootstrap(root: Path, recipe: Recipe, archives: dict[str, _sources.Archive], lock: int) -> None:
    """Unpack the packages; mounts made meanwhile are in a mount namespace that ends with the builder."""
    argv = ["timeout", "--kill-after=10", str(_BUILD_TIMEOUT_SECONDS)]
    argv += ["unshare", "--mount", "--propagation", "private", "mmdebstrap", "--quiet", "--mode=root"]
    argv += ["--variant=minbase", "--format=directory", "--skip=check/empty"]
    argv += [f"--include={','.join((*_HOST_PACKAGES, *recipe.packages))}"]
    argv += [f"--aptopt={option.rstrip(';')}" for option in (*_APT_OPTIONS, *_sources.read_proxy_options())]
    argv += [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
    argv += [recipe.suite, str(root)]
    argv += [
        f"deb [signed-by={archive.keyring}] {archive.uri} {suite} main"
        for archive, suite in _sources.suites_of(recipe.suite, (), archives)
    ]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProvisioningError(f"the command {error.filename} is not installed on the provisioner") from error
    if done.returncode == _TIMED_OUT:
        raise ProvisioningError(f"mmdebstrap was not ready after {_BUILD_TIMEOUT_SECONDS} s and was ended")
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.startswith("E:")] or done.stdout.splitlines()[-1:]
        raise ProvisioningError(f"mmdebstrap could not build Debian {recipe.suite}: {' '.join(said)}")


def _configure(root: Path, recipe: Recipe, archives: dict[str, _sources.Archive]) -> None:
    """Make the bare file system a host: package sources, units, no identity of its own."""
    for name, content in _FILES.items():
        _paths.write_file(root / name, content)
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
    run(["systemctl", f"--root={root}", "--quiet", "mask", *_MASKED_UNITS])


def _host_sources(root: Path, recipe: Recipe, archives: dict[str, _sources.Archive]) -> str:
    """The hosts' package sources, in deb822 form: the provisioner's relay by a name that each host resolves itself."""
    stanzas: list[str] = []
    for name, archive in sorted(archives.items()):
        keyring = f"{_KEYRING_FOLDER}/provisioner-{name}.gpg"
        if Path(archive.keyring).suffix == ".asc":
            keyring = f"{_KEYRING_FOLDER}/provisioner-{name}.asc"
        shutil.copyfile(archive.keyring, str(root / keyring))
        (root / keyring).chmod(0o644)
        suites = _sources.suites_of(recipe.suite, recipe.extra_suites, archives)
        stanzas.append(
            "Types: deb\n"
            f"URIs: http://{PACKAGE_RELAY_NAME}:{PACKAGE_RELAY_PORT}/{name}\n"
            f"Suites: {' '.join(suite for used, suite in suites if used.name == name)}\n"
            "Components: main\n"
            f"Signed-By: /{keyring}\n"
        )
    return "\n".join(stanzas)


def _packages(root: Path) -> dict[str, str]:
    shown = run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\n"])
    return dict(line.split(" ", 1) for line in shown.splitlines())


def _contents(root: Path) -> dict[str, int]:
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
