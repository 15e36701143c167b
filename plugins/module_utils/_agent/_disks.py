# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks that are copied with a guest: what they are, their new images, and what stays behind.

For a site's own guest two rules hold whatever happens.  A file that this instrument has not made or left here itself
is never written, moved or removed.  And no image is removed that a guest has run on here, or while a guest of that name
is on this host.  The workload guest's disk is the instrument's own: it is made for each start, and goes with the guest.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Sequence
from xml.etree import ElementTree

from ._errors import AgentError
from ._hypervisor import Hypervisor
from ._migration import END_SECONDS

LEDGER = "/var/lib/stsm-live-migration/disks"
# An image that a guest left here on an earlier move, until the guest is back and needs it no more.
ASIDE_SUFFIX = ".stsm-left-behind"
_FORMATS = ("raw", "qcow2")
# A guest that came or went is told apart from one that is coming at once; this is for a host that is slow.
_SETTLE_SECONDS = 10.0
# At the end of the session the source's may have ended as well, and take its time until the migration is over; libvirt
# here waits half a minute for a source that has gone.
_LAST_SETTLE_SECONDS = END_SECONDS + 30.0
_SETTLE_POLL_SECONDS = 0.1
# What the guest may write to its disks while they are copied.
_ROOM_BYTES = 64 << 20


def local_disks(xml: str) -> list[dict[str, str]]:
    """The disks of a running domain that a copy has to bring along: ``[{"target", "path", "format"}]``.

    Left out is what libvirt leaves out (read-only or shareable disks, empty drives) and what is on the network anyway.
    Raises AgentError for a disk that cannot be copied as a file.
    """
    found = []
    for disk in ElementTree.fromstring(xml).iterfind("devices/disk"):
        source = disk.find("source")
        if source is None or disk.get("type") == "network":
            continue
        if disk.get("device", "disk") != "disk" or disk.find("readonly") is not None:
            continue
        if disk.find("shareable") is not None:
            continue
        found.append(_local_disk(disk, source))
    return found


def _local_disk(disk: ElementTree.Element, source: ElementTree.Element) -> dict[str, str]:
    target = _attribute(disk.find("target"), "dev")
    path = source.get("file", "")
    kind = _attribute(disk.find("driver"), "type") or "raw"
    if disk.get("type") != "file" or not path.startswith("/"):
        raise AgentError(
            f"The disk {target} is of type {disk.get('type')}, but only image files are copied: put it on storage that "
            "both hosts share and leave guest.copy_disks out."
        )
    if kind not in _FORMATS:
        raise AgentError(
            f"The disk {target} ({path}) has the format {kind}, but only {' and '.join(_FORMATS)} can be copied."
        )
    if disk.find("backingStore/source") is not None:
        raise AgentError(
            f"The disk {target} ({path}) rests on a backing image, which a copy would not have: "
            "flatten it first (virsh blockpull)."
        )
    if next(disk.iter("encryption"), None) is not None or next(disk.iter("dataStore"), None) is not None:
        raise AgentError(
            f"The disk {target} ({path}) is encrypted or keeps its data in a second file: it cannot be copied."
        )
    return {"target": target, "path": path, "format": kind}


def _attribute(element: ElementTree.Element | None, name: str) -> str:
    return "" if element is None else element.get(name, "")


def make_own_disk(path: str, virtual_bytes: int, allocated_bytes: int) -> None:
    """Make the image of a workload guest's disk, on which the guest will write so much."""
    sizes = {"virtual_bytes": virtual_bytes, "allocated_bytes": allocated_bytes}
    disk = {"path": path, "target": "vda", "format": "raw", **sizes}
    _require_room([disk])
    _make_image(disk, [])


def discard_disk(path: str, ledger: str = LEDGER) -> None:
    """Remove the image of a workload guest that has ended, and what a move has left of it here; harmless without."""
    image = Path(path)
    for left in (image, _aside(image)):
        left.unlink(missing_ok=True)
    for entry in Path(ledger).glob("*.json"):
        if path in _left(entry):
            entry.unlink()


class GuestDisks:
    """The images that this session made for guests on their way here, by the guest's name."""

    def __init__(self, hypervisor: Hypervisor, ledger: str = LEDGER) -> None:
        self._hypervisor = hypervisor
        self._ledger = Path(ledger)
        self._expected: dict[str, dict[str, Any]] = {}

    # -- on the source -------------------------------------------------------------------------------------------------

    def describe(self, guest: str) -> dict[str, Any]:
        """``{"uuid", "disks"}`` of a guest that runs here; each disk also has its sizes in bytes."""
        domain = self._hypervisor.domain(guest)
        disks: list[dict[str, Any]] = []
        for disk in local_disks(domain.XMLDesc()):
            capacity, allocation, _physical = domain.blockInfo(disk["path"])
            disks.append({**disk, "virtual_bytes": capacity, "allocated_bytes": allocation})
        if not disks:
            raise AgentError(f"The guest {guest} has no disk that would have to be copied: leave guest.copy_disks out.")
        return {"uuid": domain.UUIDString(), "disks": disks}

    def note_left(self, guest: str, uuid: str, disks: Sequence[dict[str, Any]]) -> None:
        """Remember the images of a *guest* that has gone: they are out of date, and a move back may replace them."""
        if self._hypervisor.state(guest)["state"] != "absent":
            return
        left = {disk["path"]: _identity(Path(disk["path"])) for disk in disks if Path(disk["path"]).is_file()}
        self._ledger.mkdir(parents=True, exist_ok=True)
        self._entry(uuid).write_text(json.dumps({"guest": guest, "left": left}, indent=1) + "\n", encoding="utf-8")

    # -- on the destination --------------------------------------------------------------------------------------------

    def make(self, guest: str, uuid: str, disks: Sequence[dict[str, Any]]) -> None:
        """Make an empty image for each disk of a *guest* that is to come; all of them or none."""
        self.settle(guest, 0)
        if self._hypervisor.state(guest)["state"] != "absent":
            raise AgentError(
                f"The guest {guest} is defined here too, and its disks here may be the newer ones: undefine it (virsh "
                f"undefine {guest}) if they are not."
            )
        left = _left(self._entry(uuid))
        replaced = [Path(disk["path"]) for disk in disks if os.path.lexists(disk["path"])]
        for path in replaced:
            if path.is_symlink() or left.get(str(path)) != _identity(path):
                raise AgentError(
                    f"{path} exists here, and not as a copy that a measured move left behind unchanged: it is not "
                    "overwritten; remove it if nobody needs it, or leave guest.copy_disks out if the storage is shared."
                )
        _require_room(disks)
        self._hypervisor.forget_begun(guest)
        expected: dict[str, Any] = {"uuid": uuid, "made": [], "aside": []}
        self._expected[guest] = expected
        try:
            for path in replaced:
                path.rename(_aside(path))
                expected["aside"].append(path)
            for disk in disks:
                _make_image(disk, expected["made"])
        except (OSError, AgentError) as error:
            self._drop(guest)
            raise AgentError(f"The guest's disks could not be made here: {error}.") from None

    def settle(self, guest: str, patience_seconds: float = _SETTLE_SECONDS) -> str:
        """Keep the images of a *guest* that came, remove those of one that did not: the word for it."""
        if guest not in self._expected:
            return "none"
        deadline = time.monotonic() + patience_seconds
        while True:
            state = self._hypervisor.state(guest)["state"]
            # A moment later, so that the event of a guest that came and ended at once is here, too.
            time.sleep(_SETTLE_POLL_SECONDS)
            if state == "running" or self._hypervisor.has_begun(guest):
                self._keep(guest)
                return "kept"
            if state == "absent":
                self._drop(guest)
                return "dropped"
            if time.monotonic() > deadline:
                # A guest that is here and does not run (a broken post-copy) still needs its disks: nothing is moved.
                return "unclear"

    def settle_all(self) -> None:
        """At the end of the session: whatever goes wrong with one guest, the next one is settled."""
        for guest in list(self._expected):
            with contextlib.suppress(Exception):
                self.settle(guest, _LAST_SETTLE_SECONDS)

    def _keep(self, guest: str) -> None:
        expected = self._expected.pop(guest)
        for path in expected["aside"]:
            _aside(path).unlink()
        self._entry(expected["uuid"]).unlink(missing_ok=True)

    def _drop(self, guest: str) -> None:
        expected = self._expected.pop(guest)
        for path in expected["made"]:
            path.unlink(missing_ok=True)
        for path in expected["aside"]:
            _aside(path).rename(path)

    # -- the ledger ----------------------------------------------------------------------------------------------------

    def _entry(self, uuid: str) -> Path:
        return self._ledger / f"{uuid}.json"


def _left(entry: Path) -> dict[str, Any]:
    """The images that an entry of the ledger tells of, by path."""
    try:
        left: dict[str, Any] = json.loads(entry.read_text(encoding="utf-8"))["left"]
    except (OSError, ValueError, KeyError):
        return {}
    return left


def _identity(path: Path) -> list[int]:
    """What changes when somebody else writes a file or puts another one in its place."""
    status = path.lstat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ASIDE_SUFFIX)


def _require_room(disks: Sequence[dict[str, Any]]) -> None:
    needed: dict[Path, int] = {}
    for disk in disks:
        folder = Path(disk["path"]).parent
        if not folder.is_dir():
            raise AgentError(
                f"The folder {folder}, where the guest's disk {disk['target']} is to go, does not exist: make it."
            )
        wanted = min(disk["virtual_bytes"], disk["allocated_bytes"] + _ROOM_BYTES)
        needed[folder] = needed.get(folder, 0) + wanted
    for folder, wanted in needed.items():
        room = os.statvfs(folder)
        free = room.f_bavail * room.f_frsize
        if free < wanted:
            raise AgentError(
                f"{folder} has {free >> 20} MiB free, but the guest's disks need {wanted >> 20} MiB: make room."
            )


def _make_image(disk: dict[str, Any], made: list[Path]) -> None:
    """Make one image under a name that nobody has; from then on it is among those *made*."""
    path = Path(disk["path"])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    made.append(path)
    try:
        if disk["format"] == "raw":
            os.ftruncate(descriptor, disk["virtual_bytes"])
    finally:
        os.close(descriptor)
    if disk["format"] != "raw":
        _format_image(path, disk)


def _format_image(path: Path, disk: dict[str, Any]) -> None:
    command = ["qemu-img", "create", "-q", "-f", disk["format"], str(path), str(disk["virtual_bytes"])]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise AgentError("qemu-img is not installed here (Debian: qemu-utils)") from None
    except subprocess.CalledProcessError as error:
        raise AgentError(error.stderr.strip() or f"qemu-img ended with {error.returncode}") from None
