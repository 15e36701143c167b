# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steering of a migration asks of the level that makes it."""

from __future__ import annotations

from typing import Any, Callable, Protocol


class Mover(Protocol):
    """One migration of one guest.  Every call raises AgentError where the level refuses."""

    # What each attempt to resume a post-copy that had broken came to, None for one that succeeded.
    resumes: list[str | None]

    @property
    def has_begun(self) -> bool:
        """Whether the level has taken the order, from when on a time limit counts."""

    @property
    def copies_disks(self) -> bool:
        """Whether disks are copied before the memory's turn comes."""

    def move(self, is_given_up: Callable[[], bool]) -> None:
        """Make the migration; returns at its end.  *is_given_up* says that nobody waits for it any more."""

    def abort(self) -> None:
        """Have it end before its switch, with the guest where it is."""

    def switch(self) -> None:
        """Have it switch to post-copy; refused before it has begun."""

    def pause(self) -> None:
        """Give up the stream of a post-copy that stands still, so that it can be resumed over another one."""

    def downtime_limit_ms(self) -> int:
        """The downtime limit in force."""

    def limit_downtime(self, milliseconds: int) -> None:
        """Set the downtime limit; refused before the migration has begun."""

    def statistics(self) -> dict[str, Any]:
        """Its statistics under our names; empty before it has begun and after it has ended."""
