# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same thing done for several guests at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Iterable, Sequence, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Each:
    """A thread for each of *number* guests, which wait at the end of each call for the slowest of them.

    Only the main thread gets signals; the others ask :meth:`interrupted`, which is true as soon as *interrupted* is or
    as the main thread was torn out of a call.  Leaving the context ends the threads.
    """

    def __init__(self, number: int, interrupted: Callable[[], bool]) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="guest")
        self._asked = interrupted
        self._torn = threading.Event()

    def __enter__(self) -> Each:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._torn.set()
        self._pool.shutdown()

    def interrupted(self) -> bool:
        """Whether to come to an end."""
        return self._torn.is_set() or self._asked()

    def __call__(self, do: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Do it for all items at the same moment; raises the first error once all have ended."""
        futures: list[Future[R]] = []
        try:
            for item in items:
                futures.append(self._pool.submit(do, item))
            self._wait(futures)
        except BaseException:
            self._torn.set()
            self._wait(futures)
            raise
        return [future.result() for future in futures]

    @staticmethod
    def _wait(futures: Sequence[Future[R]]) -> None:
        for future in futures:
            # Does not raise what went wrong in the thread, only what reaches this one.
            future.exception()
