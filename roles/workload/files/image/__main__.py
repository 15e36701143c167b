# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Build the guest of the benchmark: `python3 image --cache DIRECTORY --kernel-package NAME [--check]`.

Prints one JSON object: {"changed": bool, "directory": str, "manifest": object or null, "sha256": {file name: sum}}.
With --check nothing is built: changed says whether it would be; then manifest is null and the sums are empty strings.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import cache
import initrd
import inputs
import kernel
import vmlinux
from commands import run
from errors import BuildError

_SOURCES = Path(__file__).resolve().parent.parent
_PROTOCOL_VERSION = 1
_FILES = ("vmlinux", "initrd.img")


def build(directory: Path, package: kernel.KernelPackage, digest: str) -> dict[str, Any]:
    """Build into the cache; returns the manifest."""
    for left_over in directory.glob(".build-*"):  # of a builder that was killed; the lock says that none is at work
        shutil.rmtree(left_over)
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=directory))
    try:
        result = work / "result"
        result.mkdir()
        root = kernel.unpack(package, work)
        image = (root / "boot" / f"vmlinuz-{package.release}").read_bytes()
        (result / "vmlinux").write_bytes(vmlinux.extract(image))
        run(["make", "-j2", "-C", str(_SOURCES / "guest"), f"BUILD={work / 'guest'}"])
        modules = initrd.needed_modules(root, package.release)
        (result / "initrd.img").write_bytes(initrd.build(work / "guest" / "init", modules))
        manifest = {
            "digest": digest,
            "kernel_package": package.name,
            "kernel_version": package.version,
            "kernel_release": package.release,
            "protocol_version": _PROTOCOL_VERSION,
            "sha256": {name: inputs.file_sha256(result / name) for name in _FILES},
        }
        cache.store(directory, result, manifest)
    finally:
        shutil.rmtree(work)
    return manifest


def ensure(directory: Path, kernel_package: str) -> dict[str, Any]:
    """Build unless the cache has it. The package index is brought up to date before a build only."""
    with cache.locked(directory):
        answer = plan(directory, kernel_package)
        if not answer["changed"]:
            return answer
        kernel.update_index()
        package = kernel.find(kernel_package)
        digest = inputs.digest(_SOURCES, package)
        manifest = cache.read(directory, digest)
        if manifest is not None:
            return _answer(False, directory / digest, manifest)
        return _answer(True, directory / digest, build(directory, package, digest))


def plan(directory: Path, kernel_package: str) -> dict[str, Any]:
    """Say what `ensure` would do. On a machine without the tools that is a build."""
    try:
        digest = inputs.digest(_SOURCES, kernel.find(kernel_package))
    except BuildError:
        return _answer(True, directory, None)
    manifest = cache.read(directory, digest)
    return _answer(manifest is None, directory / digest, manifest)


def _answer(changed: bool, directory: Path, manifest: dict[str, Any] | None) -> dict[str, Any]:
    sums = dict.fromkeys((*_FILES, cache.MANIFEST), "")
    if manifest is not None:
        sums = {name: inputs.file_sha256(directory / name) for name in sums}
    return {"changed": changed, "directory": str(directory), "manifest": manifest, "sha256": sums}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Build the guest of the benchmark.")
    parser.add_argument("--cache", type=Path, required=True, help="folder for finished builds")
    parser.add_argument("--kernel-package", required=True, help="package with the kernel, or one that depends on it")
    parser.add_argument("--check", action="store_true", help="only say what would be done")
    arguments = parser.parse_args()
    try:
        answer = (plan if arguments.check else ensure)(arguments.cache, arguments.kernel_package)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
