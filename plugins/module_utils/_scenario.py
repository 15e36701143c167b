# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one measurement: guest, workload, link, strategy. A scenario that exists is a valid one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.stsm.live_migration.plugins.module_utils import _replica
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError
from ansible_collections.stsm.live_migration.plugins.module_utils._fault import Fault, read_fault
from ansible_collections.stsm.live_migration.plugins.module_utils._fields import Section
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest, SiteGuest, read_guest
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_choice import StrategyChoice, read_choice
from ansible_collections.stsm.live_migration.plugins.module_utils._strategy_features import DRIVERS

PATTERNS = ("sequential", "random", "hot-set", "read-only", "idle")

BYTES_PER_MIB = 1 << 20
# What a workload touches if nothing is said.
WORKING_SET_MIB = 256
MOST_GUESTS = 8

# How far the dirty rate of a warm-up may be from what was asked for.
DIRTY_RATE_SHARE = 0.03

# How far a load beside the migration may be from what was asked for.
BACKGROUND_SHARE = 0.1

# Longer, and a rate could not be told from a pause.
LARGEST_GRAIN_MS = 100

_HOT_SET_KEYS = ("hot_set_percent", "hot_touch_percent")
_WORKLOAD_KEYS = (
    "working_set_mib",
    "working_set_of_memory",
    "dirty_rate_mib_per_second",
    "dirty_rate_of_link",
    "pattern",
    "bytes_per_touch",
    "entropy_bits_per_byte",
    "grain_ms",
) + _HOT_SET_KEYS
_LINK_KEYS = ("rate_mbit_per_second", "mtu", "payload_mbit_per_second")
_BACKGROUND_KEYS = ("cpu_percent", "link_mbit_per_second")
_SCENARIO_KEYS = (
    "guest",
    "guests",
    "migrations_at_once",
    "background",
    "workload",
    "link",
    "strategy",
    "driver",
    "repetition",
    "time_limit_seconds",
    "warm_up_seconds",
    "fault",
    "replica",
)


def mib_per_second(mbit_per_second: float) -> float:
    """Return a rate of a link (10^6 bit/s) as a rate of memory (2^20 byte/s)."""
    return mbit_per_second * 1e6 / 8 / BYTES_PER_MIB


def numbered_name(name: str, number: int) -> str:
    """Return the name of the guest of a number: the first has the given one, the others <name>-2 and so on."""
    return name if number == 1 else f"{name}-{number}"


@dataclass(frozen=True)
class Workload:
    """What the guest does to its memory. The dirty rate is page touches x 4 KiB a second."""

    working_set_mib: int
    dirty_rate_mib_per_second: float
    pattern: str = "sequential"
    bytes_per_touch: int = 64
    entropy_bits_per_byte: float = 8.0
    hot_set_percent: int = 10
    hot_touch_percent: int = 90
    # How often the guest looks what is due.
    grain_ms: int = 1

    def is_held_by(self, achieved_mib_per_second: float) -> bool:
        """Whether a guest that achieves this rate does what was asked; an idle one always does."""
        asked = self.dirty_rate_mib_per_second
        return abs(achieved_mib_per_second - asked) <= DIRTY_RATE_SHARE * asked or self.pattern == "idle"

    def to_dict(self) -> dict[str, Any]:
        """Return the workload as from_dict takes it: no rate for an idle guest, a hot set only where there is one.

        The usual grain is left out, so that scenarios from before there was another keep their hash.
        """
        fields = asdict(self)
        if self.grain_ms == Workload.grain_ms:
            del fields["grain_ms"]
        if self.pattern == "idle":
            del fields["dirty_rate_mib_per_second"]
        if self.pattern != "hot-set":
            for key in _HOT_SET_KEYS:
                del fields[key]
        return fields


@dataclass(frozen=True)
class Link:
    """The migration network: its line rate and, once measured, what of it TCP delivers."""

    rate_mbit_per_second: float
    mtu: int = 1500
    payload_mbit_per_second: float | None = None


@dataclass(frozen=True)
class Background:
    """Load beside the migration: a share of all processors of each host, a stream over the migration network."""

    cpu_percent: float = 0.0
    link_mbit_per_second: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """One measurement as it was asked for, all defaults filled in. workload is None for a site's own guest.

    guests is how many guests of this kind move, migrations_at_once how many of them at a time, None for all. replica
    says of what all this is a smaller copy, None if of nothing.
    """

    guest: Guest | SiteGuest
    workload: Workload | None
    link: Link
    strategy: StrategyChoice
    guests: int = 1
    migrations_at_once: int | None = None
    background: Background = Background()
    driver: str = "libvirt"
    repetition: int = 1
    time_limit_seconds: float = 20.0
    warm_up_seconds: float = 2.0
    fault: Fault | None = None
    replica: _replica.Replica | None = None

    @classmethod
    def from_dict(cls, mapping: Any) -> Scenario:
        """Return the scenario that a mapping asks for; raises ScenarioError for the first thing wrong with it."""
        top = Section("", mapping, _SCENARIO_KEYS)
        guest = read_guest(top)
        link = _read_link(top)
        driver = top.choice("driver", DRIVERS, default=cls.driver)
        if driver != "libvirt" and isinstance(guest, SiteGuest):
            raise ScenarioError(
                f"driver is '{driver}', but the site's own guest '{guest.domain}' is libvirt's: set driver to libvirt."
            )
        if driver == "nova" and isinstance(guest, Guest) and guest.huge_page_kib is not None:
            raise ScenarioError(
                "guest.huge_page_kib is set, but the driver nova starts guests on ordinary pages: leave it out, or set"
                " driver to libvirt."
            )
        if driver == "qmp" and isinstance(guest, Guest) and guest.disk is not None:
            raise ScenarioError(
                "guest.disk_gib is set, but the driver qmp copies no disk: leave it out, or set another driver."
            )
        strategy = read_choice(top.get("strategy") if top.has("strategy") else {})
        return cls(
            guest=guest,
            workload=_read_workload(top, guest, link),
            link=link,
            strategy=strategy,
            guests=(guests := top.whole("guests", cls.guests, at_most=MOST_GUESTS)),
            migrations_at_once=_read_migrations_at_once(top, guests),
            background=_read_background(top, link),
            driver=driver,
            repetition=top.whole("repetition", cls.repetition),
            time_limit_seconds=top.number("time_limit_seconds", cls.time_limit_seconds, above=0),
            warm_up_seconds=top.number("warm_up_seconds", cls.warm_up_seconds, above=0, at_most=60),
            # An empty one is that of a campaign's cells that have none.
            fault=read_fault(top.get("fault"), strategy) if top.get("fault") else None,
            replica=_replica.read(top),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the scenario in JSON types; from_dict of it gives an equal scenario.

        No fault, no replica and no limit to the migrations at once are left out, so that scenarios from before there
        were any keep their hash.
        """
        return {
            "guest": self.guest.to_dict(),
            "guests": self.guests,
            **({"migrations_at_once": self.migrations_at_once} if self.migrations_at_once else {}),
            "background": asdict(self.background),
            "workload": self.workload.to_dict() if self.workload else None,
            "link": asdict(self.link),
            "strategy": self.strategy.to_dict(),
            "driver": self.driver,
            "repetition": self.repetition,
            "time_limit_seconds": self.time_limit_seconds,
            "warm_up_seconds": self.warm_up_seconds,
            **({"fault": self.fault.to_dict()} if self.fault else {}),
            **({"replica": self.replica.to_dict()} if self.replica else {}),
        }

    def guest_of(self, number: int) -> Guest | SiteGuest:
        """Return the guest of a number, from 1 to guests, by its own name."""
        name = numbered_name(self.guest.name, number)
        if isinstance(self.guest, SiteGuest):
            return replace(self.guest, domain=name)
        return replace(self.guest, name=name)

    @property
    def streams(self) -> int:
        """How many guests share the link at a time."""
        return self.migrations_at_once or self.guests

    @property
    def hash(self) -> str:
        """The sha256 (64 hexadecimal digits) of all that determines what is measured.

        Left out are the repetition (runs of one cell share the hash), the payload rate of the link (a measurement, not
        a setting) and the name of the project's own guest (a label).
        """
        fields = self.to_dict()
        del fields["repetition"], fields["link"]["payload_mbit_per_second"]
        fields["guest"].pop("name", None)
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    @property
    def dirty_rate_of_link(self) -> float | None:
        """The dirty rate as a share of the link's rate; None for a site's own guest."""
        if self.workload is None:
            return None
        return self.workload.dirty_rate_mib_per_second / mib_per_second(self.link.rate_mbit_per_second)


def _read_migrations_at_once(top: Section, guests: int) -> int | None:
    """Return how many guests move at a time; None for all, which is what their number says as well."""
    asked = top.whole("migrations_at_once", guests)
    if asked > guests:
        raise ScenarioError(
            f"migrations_at_once is {asked}, but there are {guests} guests to move: lower it, or raise guests."
        )
    return None if asked == guests else asked


def _read_link(top: Section) -> Link:
    """Return the migration network's rates."""
    section = Section("link", top.get("link") if top.has("link") else {}, _LINK_KEYS)
    rate = section.number("rate_mbit_per_second", above=0)
    payload = (
        section.number("payload_mbit_per_second", above=0, at_most=rate)
        if section.has("payload_mbit_per_second")
        else None
    )
    return Link(rate, section.whole("mtu", Link.mtu, at_least=576, at_most=65535), payload)


def _read_background(top: Section, link: Link) -> Background:
    """Return the load beside the migration, which must leave something of the link to the migration."""
    section = Section("background", top.get("background") if top.has("background") else {}, _BACKGROUND_KEYS)
    cpu_percent = section.number("cpu_percent", Background.cpu_percent, at_least=0, at_most=100)
    stream = section.number("link_mbit_per_second", Background.link_mbit_per_second, at_least=0)
    if stream >= link.rate_mbit_per_second:
        raise ScenarioError(
            f"background.link_mbit_per_second is {stream:g}, but the link carries {link.rate_mbit_per_second:g} Mbit/s"
            " and the migration needs some of that: lower it below link.rate_mbit_per_second."
        )
    return Background(cpu_percent, stream)


def _read_workload(top: Section, guest: Guest | SiteGuest, link: Link) -> Workload | None:
    """Return what the guest does, which must fit into its memory; None for a site's own guest."""
    if isinstance(guest, SiteGuest):
        top.refuse_any(["workload"], f"'{guest.domain}' is a site's own guest and runs what it runs", "leave it out")
        return None
    section = Section("workload", top.get("workload") if top.has("workload") else {}, _WORKLOAD_KEYS)
    working_set_mib = _read_working_set_mib(section, guest)
    room_mib = max(0, guest.largest_working_set_mib)
    if working_set_mib > room_mib:
        raise ScenarioError(
            f"workload.working_set_mib is {working_set_mib}, but a guest of {guest.memory_mib} MiB has room for"
            f" {room_mib} MiB beside its kernel: lower workload.working_set_mib or raise guest.memory_mib."
        )
    pattern = section.choice("pattern", PATTERNS, default=Workload.pattern)
    if pattern != "hot-set":
        section.refuse_any(_HOT_SET_KEYS, f"the pattern is '{pattern}'", "leave it out or choose 'hot-set'")
    return Workload(
        working_set_mib=working_set_mib,
        dirty_rate_mib_per_second=_read_dirty_rate(section, pattern, link),
        pattern=pattern,
        bytes_per_touch=section.whole(
            "bytes_per_touch", Workload.bytes_per_touch, at_least=24, at_most=4096, multiple_of=8
        ),
        entropy_bits_per_byte=section.number(
            "entropy_bits_per_byte", Workload.entropy_bits_per_byte, at_least=0, at_most=8, multiple_of=1 / 8
        ),
        hot_set_percent=section.whole("hot_set_percent", Workload.hot_set_percent, at_most=99),
        hot_touch_percent=section.whole("hot_touch_percent", Workload.hot_touch_percent, at_most=100),
        grain_ms=section.whole("grain_ms", Workload.grain_ms, at_least=1, at_most=LARGEST_GRAIN_MS),
    )


def _read_working_set_mib(section: Section, guest: Guest) -> int:
    """Return the working set in MiB, given as it is or as a share of the guest's memory."""
    share = "working_set_of_memory"
    if not section.has(share):
        return section.whole("working_set_mib", WORKING_SET_MIB)
    section.refuse_any(
        ["working_set_mib"], f"so is {section.at(share)}, which says the same thing", "leave one of them out"
    )
    return max(1, round(section.number(share, above=0, at_most=1) * guest.memory_mib))


def _read_dirty_rate(section: Section, pattern: str, link: Link) -> float:
    """Return the dirty rate in MiB/s, given as it is or as a share of the link; an idle guest has none."""
    absolute, share = "dirty_rate_mib_per_second", "dirty_rate_of_link"
    if pattern == "idle":
        section.refuse_any([absolute, share], "workload.pattern is 'idle'", "leave it out or choose another pattern")
        return 0.0
    if section.has(absolute):
        section.refuse_any([share], f"so is {section.at(absolute)}, which says the same thing", "leave one of them out")
    if section.has(share):
        return section.number(share, above=0) * mib_per_second(link.rate_mbit_per_second)
    if not section.has(absolute):
        raise ScenarioError(
            f"{section.at(absolute)} is missing; give it in MiB/s, or give {section.at(share)},"
            " a share of the link's rate."
        )
    return section.number(absolute, above=0)
