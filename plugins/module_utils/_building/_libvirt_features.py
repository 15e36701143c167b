# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""What libvirt can be built with, as data: options of its meson, and which of Debian's packages have the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One thing that libvirt has or has not.

    `options` are meson's, switched on; `provides` Debian's packages of the same content; `depends` those that the
    host needs besides shared libraries, and `tools` those that the builder needs.
    """

    options: tuple[str, ...]
    provides: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    default: bool = True


# Without these libvirt runs no QEMU guest between hosts, or cannot be built without them.
CORE = Feature(
    options=(
        "attr",
        "blkid",
        "capng",
        "driver_libvirtd",
        "driver_qemu",
        "driver_remote",
        "host_validate",
        "json_c",
        "libnl",
        "libpcap",
        "numactl",
    ),
    provides=(
        "libvirt-clients",
        "libvirt-common",
        "libvirt-daemon",
        "libvirt-daemon-common",
        "libvirt-daemon-driver-nwfilter",
        "libvirt-daemon-driver-qemu",
        "libvirt-daemon-lock",
        "libvirt-daemon-log",
        "libvirt-daemon-plugin-lockd",
        "libvirt0",
        "python3-libvirt",
    ),
    depends=(
        "adduser",
        "dmidecode",
        "gettext-base",
        "init-system-helpers",
        "iproute2",
        "iptables",
        "libxml2-utils",
        "logrotate",
        "sensible-utils",
        "systemd-container",
    ),
    tools=(
        "gettext",
        "libacl1-dev",
        "libattr1-dev",
        "libblkid-dev",
        "libbsd-dev",
        "libcap-ng-dev",
        "libdevmapper-dev",
        "libglib2.0-dev",
        "libgnutls28-dev",
        "libjson-c-dev",
        "libnl-3-dev",
        "libnl-route-3-dev",
        "libnuma-dev",
        "libpcap0.8-dev",
        "libtirpc-dev",
        "libxml2-dev",
        "libxml2-utils",
        "meson",
        "ninja-build",
        "pkgconf",
        "python3-dev",
        "python3-setuptools",
        "xsltproc",
    ),
)

_UDEV = ("udev", "pciaccess")
_UDEV_TOOLS = ("libudev-dev", "libpciaccess-dev")

FEATURES: dict[str, Feature] = {
    "apparmor": Feature(("apparmor", "secdriver_apparmor", "apparmor_profiles"), tools=("libapparmor-dev",)),
    "audit": Feature(("audit",), tools=("libaudit-dev",)),
    "firewalld": Feature(("firewalld", "firewalld_zone")),
    "interface": Feature(
        ("driver_interface", *_UDEV), provides=("libvirt-daemon-driver-interface",), tools=_UDEV_TOOLS
    ),
    "network": Feature(
        ("driver_network",),
        provides=("libvirt-daemon-driver-network",),
        depends=("dnsmasq-base",),
    ),
    "nodedev": Feature(_UDEV, provides=("libvirt-daemon-driver-nodedev",), depends=("mdevctl",), tools=_UDEV_TOOLS),
    "polkit": Feature(("polkit",), depends=("polkitd",)),
    "readline": Feature(("readline",), tools=("libreadline-dev",)),
    "sasl": Feature(("sasl",), tools=("libsasl2-dev",)),
    "secret": Feature(("driver_secrets",), provides=("libvirt-daemon-driver-secret",)),
    "selinux": Feature(("selinux", "secdriver_selinux"), tools=("libselinux1-dev",)),
    "storage": Feature(("storage_dir", "storage_fs"), provides=("libvirt-daemon-driver-storage",), depends=("mount",)),
    "storage-disk": Feature(
        ("storage_disk",),
        provides=("libvirt-daemon-driver-storage-disk",),
        depends=("parted",),
        tools=("libparted-dev",),
        default=False,
    ),
    "storage-iscsi": Feature(
        ("storage_iscsi",),
        provides=("libvirt-daemon-driver-storage-iscsi",),
        depends=("open-iscsi",),
        tools=("open-iscsi",),
        default=False,
    ),
    "storage-logical": Feature(
        ("storage_lvm",),
        provides=("libvirt-daemon-driver-storage-logical",),
        depends=("lvm2",),
        tools=("lvm2",),
        default=False,
    ),
    "storage-rbd": Feature(
        ("storage_rbd",),
        provides=("libvirt-daemon-driver-storage-rbd",),
        tools=("librados-dev", "librbd-dev"),
        default=False,
    ),
}

# Debian's meta package stands for these; whoever depends on it finds them all.
_SYSTEM = "libvirt-daemon-system"
_SYSTEM_FEATURES = ("network", "nodedev", "secret", "storage")

# All of Debian's packages that have files of the daemon, its drivers, its library or its binding (of 11.3.0 in
# trixie): they would overwrite another libvirt, or be loaded into it. The rest are data and scripts for any of the
# same version.
DEBIAN_PACKAGES = (
    "libnss-libvirt",
    "libvirt-clients",
    "libvirt-common",
    "libvirt-daemon",
    "libvirt-daemon-common",
    "libvirt-daemon-driver-interface",
    "libvirt-daemon-driver-lxc",
    "libvirt-daemon-driver-network",
    "libvirt-daemon-driver-nodedev",
    "libvirt-daemon-driver-nwfilter",
    "libvirt-daemon-driver-qemu",
    "libvirt-daemon-driver-secret",
    "libvirt-daemon-driver-storage",
    "libvirt-daemon-driver-storage-disk",
    "libvirt-daemon-driver-storage-gluster",
    "libvirt-daemon-driver-storage-iscsi",
    "libvirt-daemon-driver-storage-iscsi-direct",
    "libvirt-daemon-driver-storage-logical",
    "libvirt-daemon-driver-storage-mpath",
    "libvirt-daemon-driver-storage-rbd",
    "libvirt-daemon-driver-storage-scsi",
    "libvirt-daemon-driver-storage-zfs",
    "libvirt-daemon-driver-vbox",
    "libvirt-daemon-driver-xen",
    "libvirt-daemon-lock",
    "libvirt-daemon-log",
    "libvirt-daemon-plugin-lockd",
    "libvirt-daemon-plugin-sanlock",
    "libvirt-daemon-system",
    "libvirt-daemon-system-systemd",
    "libvirt-daemon-system-sysv",
    "libvirt-dev",
    "libvirt-login-shell",
    "libvirt-sanlock",
    "libvirt-ssh-proxy",
    "libvirt-wireshark",
    "libvirt0",
    "python3-libvirt",
)


def chosen(features: dict[str, bool]) -> list[Feature]:
    """The core and the features that are on, the defaults changed by *features*."""
    return [CORE, *(feature for name, feature in FEATURES.items() if features.get(name, feature.default))]


def together(parts: list[Feature], field: str) -> list[str]:
    """One field of all *parts*, sorted and each value once."""
    return sorted({value for part in parts for value in getattr(part, field)})


def provided(parts: list[Feature]) -> list[str]:
    """Debian's packages whose content the parts have."""
    names = together(parts, "provides")
    if all(FEATURES[name] in parts for name in _SYSTEM_FEATURES):
        names.append(_SYSTEM)
    return sorted(names)
