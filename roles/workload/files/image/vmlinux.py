# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The uncompressed kernel (ELF) out of a bzImage.

Booted as it is by its PVH entry, it saves the guest the decompressor, which is slow under emulation.
"""

from __future__ import annotations

import lzma
import struct
import subprocess
import zlib

from errors import BuildError

_SETUP_SECTORS_OFFSET = 0x1F1
_MAGIC_OFFSET = 0x202
_PAYLOAD_OFFSET = 0x248  # two u32: offset from the end of the setup part, length
_SECTOR_BYTES = 512
_SIZE_BYTES = 4  # the uncompressed size, which the kernel's build puts behind the payload
_PROGRAMS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x02\x21\x4c\x18": "lz4"}  # what the standard library cannot unpack


def extract(image: bytes) -> bytes:
    """Return the ELF file in a bzImage of boot protocol 2.08 or later."""
    if image[_MAGIC_OFFSET : _MAGIC_OFFSET + 4] != b"HdrS":
        raise BuildError("the kernel image has no x86 boot header: set workload_kernel_package to a kernel for amd64")
    setup_bytes = (image[_SETUP_SECTORS_OFFSET] + 1) * _SECTOR_BYTES
    offset, length = struct.unpack_from("<II", image, _PAYLOAD_OFFSET)
    payload = image[setup_bytes + offset : setup_bytes + offset + length]
    elf = _decompress(payload)
    if not elf.startswith(b"\x7fELF"):
        raise BuildError("the kernel image holds no ELF file: set workload_kernel_package to another kernel")
    return elf


def _decompress(payload: bytes) -> bytes:
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(payload)
    for magic, program in _PROGRAMS.items():
        if payload.startswith(magic):
            return _decompress_with(program, payload[:-_SIZE_BYTES])
    raise BuildError(
        f"the kernel image is compressed in an unknown way (it begins with {payload[:4].hex()}): "
        "set workload_kernel_package to a kernel packed with xz, gzip, lz4 or zstd"
    )


def _decompress_with(program: str, payload: bytes) -> bytes:
    try:
        return subprocess.run([program, "-dc"], input=payload, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"{program} did not unpack the kernel image: {error}") from error
