# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version that brought each flag, parameter and capability of migration that a strategy uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

Version = Tuple[int, int, int]

ANY: Version = (0, 0, 0)

LIBVIRT_FLAG_SINCE: dict[str, Version] = {
    "VIR_MIGRATE_LIVE": (0, 3, 2),
    "VIR_MIGRATE_PEER2PEER": (0, 7, 2),
    "VIR_MIGRATE_TUNNELLED": (0, 7, 2),
    "VIR_MIGRATE_COMPRESSED": (1, 0, 3),
    "VIR_MIGRATE_AUTO_CONVERGE": (1, 2, 3),
    "VIR_MIGRATE_POSTCOPY": (1, 3, 3),
    "VIR_MIGRATE_TLS": (3, 2, 0),
    "VIR_MIGRATE_PARALLEL": (5, 2, 0),
    "VIR_MIGRATE_POSTCOPY_RESUME": (8, 5, 0),
    "VIR_MIGRATE_ZEROCOPY": (8, 5, 0),
}


@dataclass(frozen=True)
class TypedParameter:
    """A typed parameter of libvirt: the constant that binds its name, and since when."""

    constant: str
    since: Version


LIBVIRT_PARAMETERS: dict[str, TypedParameter] = {
    "compression": TypedParameter("VIR_MIGRATE_PARAM_COMPRESSION", (1, 3, 4)),
    "compression.xbzrle.cache": TypedParameter("VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE", (1, 3, 4)),
    "auto_converge.initial": TypedParameter("VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL", (2, 0, 0)),
    "auto_converge.increment": TypedParameter("VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT", (2, 0, 0)),
    "bandwidth.postcopy": TypedParameter("VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY", (5, 1, 0)),
    "parallel.connections": TypedParameter("VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS", (5, 2, 0)),
    # What selects the codec of parallel connections; the parameter itself is fourteen releases older.
    "compression.zlib.level": TypedParameter("VIR_MIGRATE_PARAM_COMPRESSION_ZLIB_LEVEL", (9, 4, 0)),
    "compression.zstd.level": TypedParameter("VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL", (9, 4, 0)),
}

QMP_CAPABILITY_SINCE: dict[str, Version] = {
    "xbzrle": (1, 2, 0),
    "auto-converge": (1, 6, 0),
    "postcopy-ram": (2, 6, 0),
    "return-path": (2, 10, 0),
    "multifd": (4, 0, 0),
    "zero-copy-send": (7, 1, 0),
    "postcopy-preempt": (7, 1, 0),
    "dirty-limit": (8, 1, 0),
}

QMP_PARAMETER_SINCE: dict[str, Version] = {
    "cpu-throttle-initial": (2, 7, 0),
    "cpu-throttle-increment": (2, 7, 0),
    "tls-creds": (2, 7, 0),
    "xbzrle-cache-size": (2, 11, 0),
    "max-postcopy-bandwidth": (3, 0, 0),
    "multifd-channels": (4, 0, 0),
    "multifd-compression": (5, 0, 0),
    "multifd-zlib-level": (5, 0, 0),
    "multifd-zstd-level": (5, 0, 0),
    "vcpu-dirty-limit": (8, 1, 0),
}


def dotted(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(str(part) for part in version)
