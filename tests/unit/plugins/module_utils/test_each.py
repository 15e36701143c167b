# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several guests take a step together: at the same moment, each to its end, and none is left waiting."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._each import Each


def never() -> bool:
    return False


def test_all_do_it_at_the_same_moment_and_answers_keep_their_order() -> None:
    meeting = threading.Barrier(3, timeout=5)

    def meet(number: int) -> int:
        meeting.wait()
        return number * 10

    with Each(3, never) as each:
        assert each(meet, [1, 2, 3]) == [10, 20, 30]


def test_one_that_fails_is_told_after_the_others_have_ended() -> None:
    ended = []

    def work(number: int) -> None:
        if number == 1:
            raise ValueError("the first failed")
        time.sleep(0.2)
        ended.append(number)

    with Each(3, never) as each, pytest.raises(ValueError, match="the first failed"):
        each(work, [1, 2, 3])
    assert sorted(ended) == [2, 3]


def test_the_threads_hear_of_an_interruption_that_tears_the_main_one_out() -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGUSR1, interrupt)
    heard = []
    try:
        with Each(2, never) as each:

            def work(number: int) -> None:
                if number == 1:
                    # Once the main thread has handed out all and waits.
                    time.sleep(0.2)
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
                deadline = time.monotonic() + 5
                while not each.interrupted() and time.monotonic() < deadline:
                    time.sleep(0.01)
                heard.append(each.interrupted())

            with pytest.raises(KeyboardInterrupt):
                each(work, [1, 2])
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert heard == [True, True]


def test_what_the_caller_noted_is_passed_on() -> None:
    with Each(1, lambda: True) as each:
        assert each.interrupted()
