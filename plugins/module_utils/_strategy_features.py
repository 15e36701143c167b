# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strategies are composed of: for each feature what it asks of libvirt, of QEMU and of Nova, and what it needs.

A feature is named as the field names it.  Its options are what a site may choose; each is told in the units of the
scenario and translated here into those of each level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

_MIB = 1 << 20
# The levels at which a strategy can be asked for.
DRIVERS = ("libvirt", "qmp", "nova")


@dataclass(frozen=True)
class Option:
    """A whole number that a scenario's strategy may set. Without a default it is left to QEMU unless it is set.

    The factors turn it into the unit of libvirt's typed parameter and of QEMU's; libvirt has no such parameter if it is
    empty.
    """

    key: str
    libvirt_parameter: str
    qmp_parameter: str
    at_least: int = 1
    at_most: int = 1 << 20
    default: int | None = None
    libvirt_factor: int = 1
    qmp_factor: int = 1
    is_power_of_two: bool = False


@dataclass(frozen=True)
class Feature:
    """One thing that a migration can do, and how each level is asked for it.

    needs names what beside software an end must have: "native-tls" (certificates that QEMU can read), "locked-memory",
    "dirty-ring" (a guest on KVM with one), "tunnelled-postcopy" (a libvirt whose tunnel carries post-copy).  drivers
    are the levels that can ask for it at all; Nova only where it has an option for it.
    """

    libvirt_flags: tuple[str, ...] = ()
    libvirt_parameters: Mapping[str, Any] = field(default_factory=dict)
    qmp_capabilities: tuple[str, ...] = ()
    qmp_parameters: Mapping[str, Any] = field(default_factory=dict)
    nova_options: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    needs: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ("libvirt", "qmp")


CHANNELS = Option("channels", "parallel.connections", "multifd-channels", at_most=255, default=2)

FEATURES: dict[str, Feature] = {
    "post-copy": Feature(
        libvirt_flags=("VIR_MIGRATE_POSTCOPY",),
        qmp_capabilities=("postcopy-ram",),
        nova_options={"live_migration_permit_post_copy": True},
        drivers=DRIVERS,
        options=(
            Option(
                "postcopy_bandwidth_limit_mib_per_second",
                "bandwidth.postcopy",
                "max-postcopy-bandwidth",
                qmp_factor=_MIB,
            ),
        ),
    ),
    # libvirt turns it on by itself with post-copy where both ends have it, so there is no flag to ask for it.
    "preempt": Feature(qmp_capabilities=("postcopy-preempt",)),
    "auto-converge": Feature(
        libvirt_flags=("VIR_MIGRATE_AUTO_CONVERGE",),
        qmp_capabilities=("auto-converge",),
        nova_options={"live_migration_permit_auto_converge": True},
        drivers=DRIVERS,
        options=(
            Option("throttle_initial_percent", "auto_converge.initial", "cpu-throttle-initial", at_most=99, default=20),
            Option(
                "throttle_increment_percent",
                "auto_converge.increment",
                "cpu-throttle-increment",
                at_most=99,
                default=10,
            ),
        ),
    ),
    "dirty-limit": Feature(
        qmp_capabilities=("dirty-limit",),
        options=(Option("vcpu_dirty_limit_mib_per_second", "", "vcpu-dirty-limit", default=1),),
        needs=("dirty-ring",),
        drivers=("qmp",),
    ),
    "multifd": Feature(
        libvirt_flags=("VIR_MIGRATE_PARALLEL",),
        qmp_capabilities=("multifd",),
        qmp_parameters={"multifd-compression": "none"},
        options=(CHANNELS,),
    ),
    "multifd-zlib": Feature(
        libvirt_flags=("VIR_MIGRATE_PARALLEL", "VIR_MIGRATE_COMPRESSED"),
        libvirt_parameters={"compression": "zlib", "compression.zlib.level": 1},
        qmp_capabilities=("multifd",),
        qmp_parameters={"multifd-compression": "zlib", "multifd-zlib-level": 1},
        options=(CHANNELS,),
    ),
    "multifd-zstd": Feature(
        libvirt_flags=("VIR_MIGRATE_PARALLEL", "VIR_MIGRATE_COMPRESSED"),
        libvirt_parameters={"compression": "zstd", "compression.zstd.level": 1},
        qmp_capabilities=("multifd",),
        qmp_parameters={"multifd-compression": "zstd", "multifd-zstd-level": 1},
        options=(CHANNELS,),
    ),
    "zero-copy": Feature(
        libvirt_flags=("VIR_MIGRATE_ZEROCOPY",), qmp_capabilities=("zero-copy-send",), needs=("locked-memory",)
    ),
    "xbzrle": Feature(
        libvirt_flags=("VIR_MIGRATE_COMPRESSED",),
        libvirt_parameters={"compression": "xbzrle"},
        qmp_capabilities=("xbzrle",),
        options=(
            Option(
                "xbzrle_cache_mib",
                "compression.xbzrle.cache",
                "xbzrle-cache-size",
                default=64,
                libvirt_factor=_MIB,
                qmp_factor=_MIB,
                is_power_of_two=True,
            ),
        ),
    ),
    "tls": Feature(
        libvirt_flags=("VIR_MIGRATE_TLS",),
        qmp_parameters={"tls-creds": "stsm-tls"},
        nova_options={"live_migration_with_native_tls": True},
        drivers=DRIVERS,
        needs=("native-tls",),
    ),
    "tunnel": Feature(
        libvirt_flags=("VIR_MIGRATE_TUNNELLED",),
        nova_options={"live_migration_tunnelled": True},
        drivers=("libvirt",),
    ),
    "tunnelled-postcopy": Feature(needs=("tunnelled-postcopy",), drivers=("libvirt",)),
}

# What a parameter is that a strategy does not set, where the one before has left another value.
NEUTRAL_QMP_PARAMETERS: dict[str, Any] = {"multifd-compression": "none", "tls-creds": ""}
