# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Where a built libvirt lives on a host: in the distribution's place, or beside it with nothing in common but users."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Places of one libvirt, as its build system takes them; `without` are features that it cannot have there.

    `units` is what names of its systemd units begin with, before libvirt's own.
    """

    package: str
    description: str
    prefix: str
    libdir: str
    libexecdir: str
    configuration: str
    state: str
    runtime: str
    rpath: str
    units: str = ""
    without: tuple[str, ...] = ()

    @property
    def daemon(self) -> str:
        return f"{self.prefix}/sbin/libvirtd"

    @property
    def python(self) -> str:
        """The folder of its binding for Python."""
        return f"{self.prefix}/lib/python3/dist-packages"

    def arguments(self) -> list[str]:
        """What tells meson of these places."""
        return [
            f"--prefix={self.prefix}",
            f"--libdir={self.libdir}",
            f"--libexecdir={self.libexecdir}",
            f"--sysconfdir={self.configuration}",
            f"--localstatedir={self.state}",
            f"-Drunstatedir={self.runtime}",
            f"-Dinitconfdir={self.configuration}/default",
            "-Dunitdir=/usr/lib/systemd/system",
            f"-Drpath={self.rpath}",
        ]

    def below(self, text: str) -> str:
        """A path or pattern below the root of an installed tree; `{usr}`, `{lib}` and `{etc}` are this layout's."""
        places = {"{usr}": self.prefix, "{lib}": f"{self.prefix}/{self.libdir}", "{etc}": self.configuration}
        for name, place in places.items():
            text = text.replace(name, place[1:])
        return text


# Where Debian's packages have everything, so that settings, state and clients are found again.
REPLACE = Layout(
    package="stsm-libvirt",
    description="libvirt for QEMU guests, built by stsm.live_migration, in place of the distribution's",
    prefix="/usr",
    libdir="lib/x86_64-linux-gnu",
    libexecdir="lib/libvirt",
    configuration="/etc",
    state="/var",
    runtime="/run",
    rpath="disabled",
)
# Where the hierarchy of file systems has what is no part of a distribution.
BESIDE = Layout(
    package="stsm-libvirt-beside",
    description="libvirt for QEMU guests, built by stsm.live_migration, beside the distribution's",
    prefix="/opt/stsm-live-migration/libvirt",
    libdir="lib",
    libexecdir="libexec",
    configuration="/etc/opt/stsm-live-migration",
    state="/var/opt/stsm-live-migration",
    runtime="/run/stsm-live-migration",
    rpath="enabled",
    units="stsm-",
    # Their rules are read from the distribution's folders only, or are about names that both would use on a host.
    without=("apparmor", "firewalld", "network", "polkit"),
)
LAYOUTS = {"beside": BESIDE, "replace": REPLACE}
