# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in one zip archive whose bytes follow from theirs alone, and out of one that may have come from anywhere."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Mapping, Union

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError

CHECKSUMS = "SHA256SUMS"
# A file's content, or where it lies.
Content = Union[bytes, Path]

# The first moment that the format knows.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_CHUNK_BYTES = 1 << 20
_SUM_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def measured(content: Content) -> tuple[int, str]:
    """Return the size in bytes of a content and its sha256."""
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    digest, size = hashlib.sha256(), 0
    with content.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def checksums(files: Mapping[str, tuple[int, str]]) -> bytes:
    """Return the list of checksums as ``sha256sum --check`` reads it; files are name to size and sha256."""
    return "".join(f"{sha256}  {name}\n" for name, (_size, sha256) in sorted(files.items())).encode()


def pack(target: Path, files: Mapping[str, Content]) -> None:
    """Write an archive that is there as a whole or not at all: no time, owner, mode or order of this machine in it."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(draft, "w") as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name, _MOMENT)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                with archive.open(entry, "w", force_zip64=True) as file:
                    _copy(content, file)
        draft.replace(target)
    except OSError as error:
        raise InstrumentError(
            f"{target} could not be written ({error.strerror or error}): make room or set another file."
        ) from None
    finally:
        if draft.exists():
            draft.unlink()


def _copy(content: Content, file: IO[bytes]) -> None:
    """Write a content into an open file, a piece in memory at a time."""
    if isinstance(content, bytes):
        file.write(content)
        return
    with content.open("rb") as source:
        shutil.copyfileobj(source, file, _CHUNK_BYTES)


def unpack(archive: Path, folder: Path) -> None:
    """Lay an archive's files into an empty folder. Raises InstrumentError before an entry could leave the folder."""
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _refuse_unsafe(archive, entries, folder)
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                _unpack_one(opened, entry, target, archive)
    except (zipfile.BadZipFile, EOFError):
        raise InstrumentError(f"{archive} is not a whole zip archive: get it again.") from None
    except FileNotFoundError:
        raise InstrumentError(f"There is no {archive}: set bundle to the archive that a site gave you.") from None
    except OSError as error:
        raise InstrumentError(f"{archive} cannot be unpacked ({error.strerror or error}).") from None


def _refuse_unsafe(archive: Path, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    """Raise InstrumentError for entries that no bundle has."""
    names: set[str] = set()
    for entry in entries:
        name = entry.filename
        path = PurePosixPath(name)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if (
            path.is_absolute()
            or ".." in path.parts
            or "\\" in name
            or ":" in path.parts[0]
            or "\0" in entry.orig_filename
        ):
            raise InstrumentError(f"{archive} has the entry '{name}', which would leave its folder: do not use it.")
        if kind not in (0, stat.S_IFREG):
            raise InstrumentError(f"{archive} has the entry '{name}', which is not a file: do not use it.")
        if str(path) in names:
            raise InstrumentError(f"{archive} has the entry '{name}' twice: do not use it.")
        if entry.flag_bits & 1:
            raise InstrumentError(f"{archive} has the entry '{name}', which is encrypted: ask for a plain one.")
        names.add(str(path))
    needed, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
    if needed > free:
        raise InstrumentError(
            f"{archive} unpacks to {needed >> 20} MiB, but {folder} has {free >> 20} MiB free: set TMPDIR to a folder"
            " with more room."
        )


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, archive: Path) -> None:
    """Write one entry's content, whose own check sum the format keeps."""
    try:
        with opened.open(entry) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, _CHUNK_BYTES)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError):
        raise InstrumentError(f"{entry.filename} in {archive} is damaged: get the bundle again.") from None


def verify(folder: Path, called: Path) -> list[str]:
    """Return the names of a folder's files if its list of checksums names all of them and each is as listed.

    Raises InstrumentError with one sentence otherwise, in which the bundle has the name that the user calls it by.
    """
    listed = _listed(folder, called)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {CHECKSUMS}
    cure = "get the bundle again, or ask who made it"
    lost, added = sorted(set(listed) - there), sorted(there - set(listed))
    if lost:
        raise InstrumentError(f"{called} lacks {', '.join(lost)}, which its {CHECKSUMS} names: {cure}.")
    if added:
        raise InstrumentError(f"{called} has {', '.join(added)}, which its {CHECKSUMS} does not name: {cure}.")
    edited = [name for name in sorted(there) if measured(folder / name)[1] != listed[name]]
    if edited:
        raise InstrumentError(f"{', '.join(edited)} of {called} was edited since its checksum was made: {cure}.")
    return sorted(there)


def _listed(folder: Path, called: Path) -> dict[str, str]:
    """Return the sha256 of each file as the list of checksums has it."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise InstrumentError(f"{called} is not a bundle, for it has no {CHECKSUMS}: make one with bundle.") from None
    matches = [_SUM_LINE.fullmatch(line) for line in lines]
    if not all(matches):
        raise InstrumentError(f"{CHECKSUMS} of {called} is not a list of checksums: get the bundle again.")
    return {match[2]: match[1] for match in matches if match}
