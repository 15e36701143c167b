# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Let the running kernel hand page faults to this program and answer them, and leave everything as it was.

Prints one JSON object: {"release": what uname says, and for each of the modes
  missing        pages that are not there, filled by UFFDIO_COPY: post-copy
  write_protect  pages that must not be written yet, released by UFFDIO_WRITEPROTECT: background snapshots
  minor_shmem    pages of shared memory that are there and not mapped yet, mapped by UFFDIO_CONTINUE
  minor_hugetlb  the same with huge pages; a host that keeps none in reserve lends some for the time of the probe
{"supported": bool, "latency_us": median time for which a thread waited for its page (this program's own share in it
included) or null, "reason": null or why not}, and "summary": all of it in a line}.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import re
import select
import statistics
import struct
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

PAGE = mmap.PAGESIZE
PAGES = 64
# Huge pages are dear.
HUGE_PAGES = 8
LENT_HUGE_PAGES = Path("/proc/sys/vm/nr_overcommit_hugepages")
TIME_LIMIT_MS = 10_000
_SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282}
# linux/userfaultfd.h: requests, the features asked for, modes of a registration, and flags of a fault.
_API, _REGISTER, _COPY = 0xC018AA3F, 0xC020AA00, 0xC028AA03
_WRITE_PROTECT, _CONTINUE = 0xC018AA06, 0xC020AA07
_API_VERSION = 0xAA
_FEATURE_WRITE_PROTECT, _FEATURE_MINOR_HUGETLBFS, _FEATURE_MINOR_SHMEM = 1 << 0, 1 << 9, 1 << 10
_MISSING, _PROTECTED, _MINOR = 1, 2, 4
_FAULT_EVENT, _FAULT_PROTECTED, _FAULT_MINOR = 0x12, 1 << 1, 1 << 2
_MESSAGE_BYTES = 32
_MFD_HUGETLB = 4

# Calls by this object let other threads run, also while the call waits for a page.
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.memcpy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
_LIBC.memcpy.restype = ctypes.c_void_p


class NotSupportedError(Exception):
    """This kernel, or this user on it, does not have the mode."""


def open_userfaultfd(feature: int) -> int:
    """A descriptor with *feature* agreed upon."""
    number = _SYS_USERFAULTFD.get(os.uname().machine)
    if number is None:
        raise NotSupportedError(f"the probe does not know the machine {os.uname().machine}")
    descriptor = _LIBC.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise NotSupportedError(f"userfaultfd: {os.strerror(ctypes.get_errno())}")
    try:
        fcntl.ioctl(descriptor, _API, struct.pack("=QQQ", _API_VERSION, feature, 0))
    except OSError as error:
        os.close(descriptor)
        raise NotSupportedError(f"the kernel does not agree to the feature {feature:#x}: {error.strerror}") from error
    return int(descriptor)


def address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def next_fault(descriptor: int, size: int) -> tuple[int, int]:
    """Flags of the next fault and the address of its page of *size* bytes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(TIME_LIMIT_MS):
        raise NotSupportedError("no page fault was handed over")
    event, flags, address = struct.unpack("=B7xQQ8x", os.read(descriptor, _MESSAGE_BYTES))
    if event != _FAULT_EVENT:
        raise NotSupportedError(f"the event {event:#x} came instead of a page fault")
    return flags, address & ~(size - 1)


def touch_all(copy: Callable[[int], None], pages: int, waited: list[float]) -> None:
    """Touch page after page and write down for how many microseconds each was waited for."""
    for page in range(pages):
        began = time.perf_counter_ns()
        copy(page)
        waited.append((time.perf_counter_ns() - began) / 1000)


def measure(
    descriptor: int,
    start: int,
    mode: int,
    copy: Callable[[int], None],
    answer: Callable[[int], None],
    wanted_flag: int,
    size: int = PAGE,
    pages: int = PAGES,
) -> float:
    """Register the pages from *start*, touch them in another thread, answer each fault; median of the waiting times."""
    fcntl.ioctl(descriptor, _REGISTER, struct.pack("=QQQQ", start, pages * size, mode, 0))
    if mode == _PROTECTED:
        fcntl.ioctl(descriptor, _WRITE_PROTECT, struct.pack("=QQQ", start, pages * size, 1))
    waited: list[float] = []
    toucher = threading.Thread(target=touch_all, args=(copy, pages, waited), daemon=True)
    toucher.start()
    for _page in range(pages):
        flags, address = next_fault(descriptor, size)
        if wanted_flag and not flags & wanted_flag:
            raise NotSupportedError(f"the page fault has the flags {flags:#x} and not {wanted_flag:#x}")
        answer(address)
    toucher.join(TIME_LIMIT_MS / 1000)
    if len(waited) < pages:
        raise NotSupportedError("an answered page fault did not end")
    return statistics.median(waited)


def missing() -> float:
    """Fill pages that are not there, and look whether what arrives is what was sent."""
    descriptor = open_userfaultfd(0)
    memory, sent, seen = (
        mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
        mmap.mmap(-1, PAGE),
        mmap.mmap(-1, PAGES),
    )
    sent.write(b"\x5a" * PAGE)
    start, source, target = address_of(memory), address_of(sent), address_of(seen)

    def answer(address: int) -> None:
        fcntl.ioctl(descriptor, _COPY, bytearray(struct.pack("=QQQQq", address, source, PAGE, 0, 0)))

    median = measure(
        descriptor, start, _MISSING, lambda page: _LIBC.memcpy(target + page, start + page * PAGE, 1), answer, 0
    )
    if seen[:] != b"\x5a" * PAGES:
        raise NotSupportedError("a page does not hold what was sent for it")
    return median


def write_protect() -> float:
    """Protect pages, and release each when it is written."""
    descriptor = open_userfaultfd(_FEATURE_WRITE_PROTECT)
    memory, sent = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), mmap.mmap(-1, PAGE)
    memory.write(b"\x11" * (PAGES * PAGE))
    sent.write(b"\x22" * PAGE)
    start, source = address_of(memory), address_of(sent)

    def answer(address: int) -> None:
        fcntl.ioctl(descriptor, _WRITE_PROTECT, struct.pack("=QQQ", address, PAGE, 0))

    return measure(
        descriptor,
        start,
        _PROTECTED,
        lambda page: _LIBC.memcpy(start + page * PAGE, source, 1),
        answer,
        _FAULT_PROTECTED,
    )


def minor(feature: int, shared: int, size: int, pages: int) -> float:
    """Map pages that another mapping of the same memory has filled already."""
    descriptor = open_userfaultfd(feature)
    os.ftruncate(shared, pages * size)
    filled, memory, seen = mmap.mmap(shared, pages * size), mmap.mmap(shared, pages * size), mmap.mmap(-1, PAGE)
    for page in range(pages):
        filled[page * size] = 0x33
    start, target = address_of(memory), address_of(seen)

    def answer(address: int) -> None:
        fcntl.ioctl(descriptor, _CONTINUE, bytearray(struct.pack("=QQQq", address, size, 0, 0)))

    def copy(page: int) -> None:
        _LIBC.memcpy(target + page, start + page * size, 1)

    median = measure(descriptor, start, _MINOR, copy, answer, _FAULT_MINOR, size, pages)
    if seen[:pages] != b"\x33" * pages:
        raise NotSupportedError("a page does not hold what was written to it")
    return median


def minor_shmem() -> float:
    """Minor faults of ordinary shared memory."""
    return minor(_FEATURE_MINOR_SHMEM, os.memfd_create("userfaultfd_probe"), PAGE, PAGES)


def minor_hugetlb() -> float:
    """Minor faults of huge pages, which is what guests with a lot of memory have."""
    # First of all, so that a kernel without it is not asked for pages.
    os.close(open_userfaultfd(_FEATURE_MINOR_HUGETLBFS))
    found = re.search(r"^Hugepagesize: +([0-9]+) kB$", Path("/proc/meminfo").read_text(), re.M)
    if found is None:
        raise NotSupportedError("the kernel has no huge pages")
    with huge_pages_lent():
        shared = os.memfd_create("userfaultfd_probe", _MFD_HUGETLB)
        return minor(_FEATURE_MINOR_HUGETLBFS, shared, int(found.group(1)) << 10, HUGE_PAGES)


@contextmanager
def huge_pages_lent() -> Iterator[None]:
    """Let the kernel make huge pages on demand for a while; it takes them back when their memory is given up."""
    before = LENT_HUGE_PAGES.read_text()
    LENT_HUGE_PAGES.write_text(str(int(before) + HUGE_PAGES))
    try:
        yield
    finally:
        LENT_HUGE_PAGES.write_text(before)


def try_mode(mode: Callable[[], float]) -> dict[str, object]:
    try:
        return {"supported": True, "latency_us": round(mode(), 1), "reason": None}
    except (NotSupportedError, OSError) as error:
        return {"supported": False, "latency_us": None, "reason": str(error)}


def main() -> None:
    """Print what was found; a thread that still waits for a page ends with the process."""
    found: dict[str, object] = {"release": os.uname().release}
    said: list[str] = []
    for mode in (missing, write_protect, minor_shmem, minor_hugetlb):
        found[mode.__name__] = tried = try_mode(mode)
        said.append(
            f"{mode.__name__} {tried['latency_us']} us"
            if tried["supported"]
            else f"no {mode.__name__} ({tried['reason']})"
        )
    found["summary"] = ", ".join(said)
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
