# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resuming a broken post-copy, against a scripted libvirt: breaks in an order that no real network is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils._agent import _recovery

RUNNING, BROKEN = [1, 1], [3, 13]


class FakeLibvirtError(Exception):
    """libvirt's error, without libvirt."""


class ScriptedDomain:
    """A domain whose states are told one after the other, the last one for ever."""

    def __init__(self, *states: list[int]) -> None:
        self.states = list(states)

    def state(self) -> list[int]:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


@pytest.fixture(autouse=True)
def _libvirt(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(
        libvirtError=FakeLibvirtError,
        VIR_DOMAIN_PAUSED=3,
        VIR_DOMAIN_PAUSED_POSTCOPY_FAILED=13,
    )
    monkeypatch.setattr(_recovery, "libvirt", fake)
    monkeypatch.setattr(_recovery, "_RETRY_SECONDS", 0.01)


def recovery(
    domain: ScriptedDomain, answers: list[str | None], limit_seconds: float = 5, given_up: bool = False
) -> Any:
    return _recovery.Recovery(domain, lambda: answers.pop(0), limit_seconds, lambda: given_up)


def test_a_migration_that_ended_well_or_before_its_switch_is_left_alone() -> None:
    assert recovery(ScriptedDomain(BROKEN), []).mend(None) is None
    assert recovery(ScriptedDomain(RUNNING), []).mend("canceled by client") == "canceled by client"


def test_it_is_tried_again_while_the_link_is_down_and_when_it_breaks_again() -> None:
    mending = recovery(ScriptedDomain(BROKEN), ["no route", "broken pipe", None])
    assert mending.mend("broken pipe") is None
    assert mending.errors == ["no route", "broken pipe", None]


def test_a_guest_that_can_no_longer_be_resumed_is_told_with_the_last_error() -> None:
    mending = recovery(ScriptedDomain(BROKEN, RUNNING), ["the peer is gone"])
    assert mending.mend("broken pipe") == "the peer is gone"


@pytest.mark.parametrize(("limit_seconds", "given_up"), [(0, False), (5, True)])
def test_nobody_tries_for_ever(limit_seconds: float, given_up: bool) -> None:
    assert recovery(ScriptedDomain(BROKEN), [], limit_seconds, given_up).mend("broken pipe") == "broken pipe"
