# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What an image is made from, and the name that these inputs give it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _boot_loader, _bootable

# Raised when the recipe below changes what an image contains.
RECIPE_VERSION = 3
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
APT_OPTIONS = ('APT::Install-Recommends "false";', 'Acquire::Languages "none";')
DPKG_OPTIONS = (
    # A host lives for hours and is made again in seconds: what a power cut could lose is worth nothing.
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
# A container's user manager does not end in time, and PAM would make each login wait for it; a key needs no PAM.
_SSHD_OPTIONS = ("UsePAM no", "UseDNS no", "MaxStartups 64")
_FILES = {
    "etc/apt/apt.conf.d/90virtual-host": "\n".join(APT_OPTIONS) + "\n",
    "etc/dpkg/dpkg.cfg.d/virtual-host": "\n".join(DPKG_OPTIONS) + "\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/fstab": "",
    "etc/ssh/sshd_config.d/virtual-host.conf": "\n".join(_SSHD_OPTIONS) + "\n",
    "etc/systemd/journald.conf.d/virtual-host.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n",
    "etc/systemd/system.conf.d/virtual-host.conf": "[Manager]\nDefaultTimeoutStopSec=5s\n",
}
_PIN_FILE = "etc/apt/preferences.d/virtual-host"
_PIN_PRIORITY = 990


@dataclass(frozen=True)
class Pin:
    """Source packages whose binary packages come from `suite` instead of the release."""

    suite: str
    sources: tuple[str, ...]

    def preference(self) -> str:
        """The stanza of apt_preferences(5)."""
        packages = " ".join(f"src:{source}:any" for source in self.sources)
        return f"Package: {packages}\nPin: release n={self.suite}\nPin-Priority: {_PIN_PRIORITY}\n"


@dataclass(frozen=True)
class Recipe:
    """All inputs of an image."""

    suite: str
    extra_suites: tuple[str, ...]
    packages: tuple[str, ...]
    pins: tuple[Pin, ...] = ()
    bootable: bool = False
    kernel_arguments: tuple[str, ...] = ()

    def digest(self) -> str:
        """Twelve hexadecimal digits that name the image; the same inputs give the same name on every machine."""
        inputs: list[Any] = [RECIPE_VERSION, self.suite, sorted(self.extra_suites), sorted(self.packages)]
        inputs += [_HOST_PACKAGES, _MASKED_UNITS, sorted(_FILES.items())]
        if self.pins:
            inputs.append(sorted((pin.suite, sorted(pin.sources)) for pin in self.pins))
        if self.bootable:
            inputs += [_bootable.recipe(), _boot_loader.recipe(), self.kernel_arguments]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]

    def all_packages(self) -> tuple[str, ...]:
        """What is named to the package manager; the rest comes by dependencies."""
        return (*_HOST_PACKAGES, *(_bootable.PACKAGES if self.bootable else ()), *self.packages)

    def suites(self) -> tuple[str, ...]:
        """The further suites that hosts may install from."""
        pinned = (pin.suite for pin in self.pins if pin.suite != self.suite)
        return tuple(dict.fromkeys((*self.extra_suites, *pinned)))

    def pinned_suites(self) -> tuple[str, ...]:
        """The further suites that the image itself is built from."""
        return tuple(dict.fromkeys(pin.suite for pin in self.pins if pin.suite != self.suite))

    def early_files(self) -> dict[str, tuple[str, int]]:
        """Files that must lie there before the packages are installed: path → content and mode."""
        files = dict(_bootable.EARLY_FILES) if self.bootable else {}
        if self.pins:
            files[_PIN_FILE] = ("\n".join(pin.preference() for pin in self.pins), 0o644)
        return files

    def files(self) -> dict[str, tuple[str, int]]:
        """Files that make the installed packages a host: path → content and mode."""
        files = {name: (content, 0o644) for name, content in _FILES.items()}
        if self.bootable:
            files.update(_bootable.FILES)
            files["etc/default/grub"] = (_boot_loader.defaults(self.kernel_arguments), 0o644)
        return files

    def masked_units(self) -> tuple[str, ...]:
        """Units that never start on a host."""
        return (*_MASKED_UNITS, *(_bootable.MASKED_UNITS if self.bootable else ()))
