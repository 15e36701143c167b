# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C and its kin, kept from tearing a run apart between the guest's move and its record."""

from __future__ import annotations

import contextlib
import signal
from typing import Any, Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def raised() -> None:
    """From now on each signal to stop raises KeyboardInterrupt, as Ctrl-C does at a terminal."""
    for number in _SIGNALS:
        signal.signal(number, _raise)


def _raise(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within the context a signal to stop is only noted; the function it gives says whether there was one."""
    caught: list[int] = []
    former = {number: signal.signal(number, lambda got, _frame: caught.append(got)) for number in _SIGNALS}
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
