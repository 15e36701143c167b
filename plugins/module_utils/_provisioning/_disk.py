# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A disk image made from a tree without loop devices or mounts, and the check that it is still what was made."""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _boot_loader
from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning._builder import Builder

_MIB = 1024 * 1024
_SECTORS_PER_MIB = _MIB // _boot_loader.SECTOR_BYTES
_BOOT_PARTITION_MIB = 1
_ROOT_PARTITION_MIB = 2
# The second copy of the partition table.
_TABLE_END_MIB = 1
# Room for what a host does before its file system has grown.
_FREE_MIB = 512
_STEP_MIB = 256
# Of ext4's metadata and of half-filled blocks, beside the bytes of the files.
_OVERHEAD = 1.15
_MKFS_FEATURES = (
    # Younger than some boot loaders: a host may install another one.
    "^metadata_csum_seed",
    "^orphan_file",
)
_CHUNK_BYTES = 4 * _MIB
_ZEROS = bytes(_CHUNK_BYTES)


def disk_mib(tree_bytes: int, tree_entries: int) -> int:
    """Size of the disk for a tree: what it takes, and room to work in before the first boot has grown it."""
    used_mib = (tree_bytes + tree_entries * 4096) * _OVERHEAD / _MIB
    needed_mib = _ROOT_PARTITION_MIB + used_mib + _FREE_MIB + _TABLE_END_MIB
    return -int(-needed_mib // _STEP_MIB) * _STEP_MIB


def partition_table(size_mib: int) -> str:
    """Input of sfdisk: a partition for the boot loader and one for the root file system."""
    root_mib = size_mib - _ROOT_PARTITION_MIB - _TABLE_END_MIB
    return (
        "label: gpt\n"
        f"start={_BOOT_PARTITION_MIB}MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649\n"
        f"start={_ROOT_PARTITION_MIB}MiB, size={root_mib}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n"
    )


def write(builder: Builder, root: Path, disk: Path, size_mib: int) -> None:
    """Make a sparse disk that boots, from a tree with the boot loader's files in boot/grub/i386-pc."""
    failed = f"no disk could be made of {root}"
    with disk.open("wb") as empty:
        empty.truncate(size_mib * _MIB)
    builder.run(["sfdisk", "--quiet", str(disk)], failed, stdin=partition_table(size_mib))
    argv = [
        "mke2fs",
        "-q",
        "-F",
        "-t",
        "ext4",
        "-L",
        _boot_loader.ROOT_LABEL,
        "-m",
        "1",
        "-O",
        ",".join(_MKFS_FEATURES),
    ]
    # Otherwise the kernel writes the inode tables in the first minutes of each host.
    argv += ["-E", f"offset={_ROOT_PARTITION_MIB * _MIB},lazy_itable_init=0,root_owner=0:0", "-d", str(root)]
    builder.run([*argv, str(disk), f"{size_mib - _ROOT_PARTITION_MIB - _TABLE_END_MIB}M"], failed)
    core_sector = _BOOT_PARTITION_MIB * _SECTORS_PER_MIB
    grub = root / _boot_loader.FOLDER
    with disk.open("r+b") as opened:
        opened.write(_boot_loader.boot_sector((grub / "boot.img").read_bytes(), core_sector))
        opened.seek(core_sector * _boot_loader.SECTOR_BYTES)
        opened.write(_boot_loader.core_image((grub / "core.img").read_bytes(), core_sector))
        opened.flush()
        os.fsync(opened.fileno())


def copy_out(source: Path, target: Path) -> None:
    """Copy a file out of a tree; it is only read from then on."""
    shutil.copyfile(str(source), str(target))
    target.chmod(0o444)


def fingerprint(path: Path) -> dict[str, Any]:
    """Size in bytes and digest of the contents: each byte counts, however the file's holes are kept."""
    size = path.stat().st_size
    # Two halves at once: a host has two processors and a disk has half a gigabyte.
    middle = size // 2 // _CHUNK_BYTES * _CHUNK_BYTES
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(lambda part: _digest(path, *part), [(0, middle), (middle, size)]))
    return {"bytes": size, "sha256": halves}


def _digest(path: Path, start: int, end: int) -> str:
    """Digest of the chunks that are not all zeros, each with its place."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as opened:
        position = start
        while position < end:
            position = _next_data(opened.fileno(), position)
            if position >= end:
                break
            chunk = os.pread(opened.fileno(), min(_CHUNK_BYTES, end - position), position)
            if chunk != _ZEROS[: len(chunk)]:
                digest.update(str(position).encode())
                digest.update(chunk)
            position += max(len(chunk), 1)
    return digest.hexdigest()


def _next_data(descriptor: int, position: int) -> int:
    """The first chunk at or after `position`, a chunk's beginning, that is not a hole."""
    try:
        data = os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError:
        return os.fstat(descriptor).st_size
    return max(position, data // _CHUNK_BYTES * _CHUNK_BYTES)
