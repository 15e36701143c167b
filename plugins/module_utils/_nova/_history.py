# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's options of live migration, release by release, as data: read from Nova's own sources (nova/conf).

Releases are numbered as Nova numbers itself; Juno (2014.2) and Kilo (2015.1), which came before that, are 10 and 11.
Releases between two that were read are taken to be like both, and one that is newer than all to be like the last.
"""

from __future__ import annotations

from dataclasses import dataclass

JUNO, KILO = 10, 11
FIRST, LAST = JUNO, 33

# How a release is called where its number is not how people know it.
_NAMES = (
    *("Juno", "Kilo", "Liberty", "Mitaka", "Newton", "Ocata", "Pike", "Queens", "Rocky", "Stein", "Train", "Ussuri"),
    *("Victoria", "Wallaby", "Xena", "Yoga", "Zed", "2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2"),
    "2026.1",
)


@dataclass(frozen=True)
class Option:
    """One option: the releases in which it is the way to say something, and whether a running service takes it over.

    `until` is the last of them; some are read, but deprecated, in later ones, which have another way. `mutable_since`
    is the first release whose service reads it anew on SIGHUP; None if none does. `minimums` are pairs of a release and
    the least value since then.
    """

    name: str
    since: int
    until: int = LAST
    section: str = "libvirt"
    mutable_since: int | None = None
    minimums: tuple[tuple[int, int], ...] = ()

    def is_in(self, release: int) -> bool:
        """Whether a release has it; the newest known stands for all that are newer."""
        return self.since <= release and (self.until == LAST or release <= self.until)

    def is_mutable_in(self, release: int) -> bool:
        """Whether the service of a release takes a new value without a restart."""
        return self.mutable_since is not None and release >= self.mutable_since

    def minimum_in(self, release: int) -> int:
        """The least value that a release takes."""
        return max((least for since, least in self.minimums if release >= since), default=0)


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        # Until Liberty the flags were the only way to say anything; Mitaka derives them and calls these deprecated.
        Option("live_migration_flag", JUNO, 12),
        Option("block_migration_flag", JUNO, 12),
        Option("live_migration_bandwidth", JUNO),
        Option("live_migration_uri", JUNO, 14),
        Option("live_migration_scheme", 15),
        Option("live_migration_inbound_addr", 13),
        Option("live_migration_tunnelled", 13),
        Option("live_migration_downtime", 12, minimums=((16, 100),)),
        Option("live_migration_downtime_steps", 12, minimums=((16, 3),)),
        Option("live_migration_downtime_delay", 12, minimums=((16, 3),)),
        Option("live_migration_completion_timeout", 12, mutable_since=14),
        Option("live_migration_timeout_action", 19, mutable_since=19),
        Option("live_migration_permit_post_copy", 14),
        Option("live_migration_permit_auto_converge", 14),
        Option("live_migration_with_native_tls", 19),
        Option("live_migration_parallel_connections", 33),
        Option("max_concurrent_live_migrations", 12, section="DEFAULT"),
    )
}


def release_of(version: str) -> int:
    """The number of the release that Nova's own version (such as 31.0.0 or 2014.2.4) belongs to."""
    first, second = (version + ".").split(".")[:2]
    if len(first) == 4:
        return {"2014.2": JUNO, "2015.1": KILO}.get(f"{first}.{second}", 0)
    return int(first) if first.isdigit() else 0


def name_of(release: int) -> str:
    """How people call a release."""
    return _NAMES[release - FIRST] if FIRST <= release <= LAST else str(release)
