# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""One build for one digest of all its inputs: found, or made whole, or not there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Protocol

from ansible_collections.stsm.live_migration.plugins.module_utils._agent._memory import available_memory_mib
from ansible_collections.stsm.live_migration.plugins.module_utils._building import _places
from ansible_collections.stsm.live_migration.plugins.module_utils._building._archive import file_sha256
from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._patches import Patch, apply_patches
from ansible_collections.stsm.live_migration.plugins.module_utils._building._progress import Progress, ticking
from ansible_collections.stsm.live_migration.plugins.module_utils._building._source import Source
from ansible_collections.stsm.live_migration.plugins.module_utils._building._tool import run_tool
from ansible_collections.stsm.live_migration.plugins.module_utils._building._workshop import Workshop
from ansible_collections.stsm.live_migration.plugins.module_utils._machine import _paths

# Raised when what is written here changes what packages contain.
ENGINE_VERSION = 1
_MANIFEST = "build.json"
# A compiler of C takes up to this much.
_MEMORY_MIB_A_JOB = 1024


class Recipe(Protocol):
    """How one component's packages are made of its source."""

    DISK_MIB: int
    """What a build takes, source and objects included."""

    def inputs(self) -> dict[str, Any]:
        """All that changes the packages, besides source, patches and tools."""

    def build(self, shop: Workshop) -> None:
        """Leave the packages in `shop.packages`."""


@dataclass(frozen=True)
class Order:
    """What is to be built, and where builds and the compilers' cache are kept.

    `further` are sources by name that the recipe needs besides; patches are of the first one.
    """

    component: str
    recipe: Recipe
    source: Source
    patches: tuple[Patch, ...]
    folder: Path
    further: Mapping[str, Source] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        """Everything that the digest is made of."""
        return {
            "engine_version": ENGINE_VERSION,
            "component": self.component,
            "source": self.source.identity(),
            # Said where there are some, so that builds without them keep their digests.
            **(
                {"further_sources": {name: one.identity() for name, one in self.further.items()}}
                if self.further
                else {}
            ),
            "patches": [{"name": patch.name, "sha256": patch.sha256} for patch in self.patches],
            "recipe": self.recipe.inputs(),
            "tools": _tools(),
        }


def digest_of(inputs: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that name a build."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]


def find(order: Order) -> dict[str, Any] | None:
    """The manifest of the build with exactly these inputs, or None; what lost a package counts as not built."""
    inputs = order.inputs()
    folder = _home(order) / digest_of(inputs)
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = all(
        Path(one["file"]).is_file() and file_sha256(Path(one["file"])) == one["sha256"] for one in manifest["packages"]
    )
    return manifest if whole and manifest["inputs"] == inputs else None


def build(order: Order) -> dict[str, Any]:
    """Build the packages and return the manifest; waits for a build of this component that is under way.

    Whatever interrupts it, there is either a whole build or none; the next one begins anew, with warm caches.
    """
    home = _home(order)
    home.mkdir(parents=True, exist_ok=True)
    with _only_build(home) as lock:
        manifest = find(order)
        if manifest is not None:
            return manifest
        inputs = order.inputs()
        digest = digest_of(inputs)
        for leftover in home.glob(".building-*"):
            shutil.rmtree(str(leftover))
        shutil.rmtree(str(home / digest), ignore_errors=True)
        _paths.require_free_disk(home, order.recipe.DISK_MIB, f"building {order.component}")
        building = home / f".building-{digest}"
        say = _teller(order)
        try:
            manifest = _build_in(building, order, inputs, lock, say)
        except BuildError as error:
            say(f"failed: {error}")
            raise
        _keep(building, home / digest)
        say(f"built in {manifest['wall_seconds'] / 60:.1f} min ({manifest['cpu_seconds']:.0f} s of processor time)")
        return manifest


def _home(order: Order) -> Path:
    return _places.component_folder(order.folder, order.component)


def _build_in(
    building: Path, order: Order, inputs: dict[str, Any], lock: int, say: Callable[[str], None]
) -> dict[str, Any]:
    began, spent = time.monotonic(), _cpu_seconds()
    building.mkdir(mode=0o755)
    digest = digest_of(inputs)
    with ticking(Progress(f"fetch and unpack {order.source.version}", say)):
        epoch = order.source.unpack(building / "tree")
        for name, source in order.further.items():
            source.unpack(building / "further" / name / "tree")
        apply_patches(building / "tree", order.patches)
    ccache = order.folder / "ccache"
    ccache.mkdir(exist_ok=True)
    shop = Workshop(building, ccache, order.source.version, digest, _jobs(), epoch, lock, say)
    for folder in (shop.build, shop.install, shop.packages):
        folder.mkdir()
    order.recipe.build(shop)
    packages = sorted(shop.packages.glob("*.deb"))
    if not packages:
        raise BuildError(f"the build of {order.component} has left no package, the whole log is {shop.log}")
    final = _home(order) / digest
    manifest = {
        "component": order.component,
        "digest": digest,
        "version": order.source.version,
        "inputs": inputs,
        "packages": [_describe(package, final / "packages" / package.name) for package in packages],
        "cpu_seconds": round(_cpu_seconds() - spent, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    _paths.write_file(building / _MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return manifest


def _describe(package: Path, kept: Path) -> dict[str, str]:
    asked = ["dpkg-deb", "--show", "--showformat=${Package}\\n${Version}", str(package)]
    shown = run_tool(asked, f"the build has made {package.name}, which is no package").splitlines()
    return {"name": shown[0], "version": shown[1], "file": str(kept), "sha256": file_sha256(package)}


def _keep(building: Path, final: Path) -> None:
    """Give a whole build its name: packages, log and manifest, which are on the disk by then. All the rest goes."""
    kept = building / "kept"
    kept.mkdir(mode=0o755)
    for name in ("packages", "build.log", _MANIFEST):
        (building / name).rename(kept / name)
    for path in kept.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    kept.rename(final)
    shutil.rmtree(str(building))


@contextmanager
def _only_build(home: Path) -> Iterator[int]:
    """Hold the component's lock; its descriptor goes to the steps, so that it outlives a killed parent with them."""
    with (home / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _teller(order: Order) -> Callable[[str], None]:
    """What adds a line to the component's file of progress."""
    path = _places.progress_file(order.folder, order.component)

    def say(line: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{order.component}: {line}\n")

    return say


def _jobs() -> int:
    """As many compilers as there are processors, and memory for."""
    return max(1, min(len(os.sched_getaffinity(0)), available_memory_mib() // _MEMORY_MIB_A_JOB))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tools() -> dict[str, str]:
    """The compiler, the linker and the release they are of: with others, the same source makes other programs."""
    failed = "the builder has no working compiler: install gcc and binutils there"
    return {tool: run_tool([tool, "--version"], failed).splitlines()[0] for tool in ("gcc", "ld")}
