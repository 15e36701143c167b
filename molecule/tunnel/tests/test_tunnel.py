# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Post-copy through libvirt's tunnel: memory arrives, a broken tunnel is mended by another, other peers are refused."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from own_guest import on
from tunnelled_guest import DIRECT, TUNNELLED, TunnelledGuest, begin, wait_until

from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host

SCENARIO = Path(__file__).parents[1]
HYBRID = "--postcopy-after-precopy"
# Slow enough to be broken in the middle.
SLOW_HYBRID = f"{HYBRID} --postcopy-bandwidth 8"
RESUME = "--postcopy-resume --postcopy-bandwidth 500"
MIGRATIONS = 6
EVENTS = "told-events"
# The guest runs on by then. As it starts, a processor may wait for a page while it holds QEMU's lock, and then QEMU
# answers nobody any more.
RUNS_ON_SECONDS = 1
INVENTORIES = ("inventories/quickstart", "molecule/inventory", "molecule/inventory_tunnel")


def threads_and_descriptors(host: Host) -> list[int]:
    process = "/proc/$(cat /run/libvirtd.pid)"
    return [int(word) for word in on(host, f"ls {process}/task | wc -l; ls {process}/fd | wc -l").split()]


def open_in(pair: list[Host]) -> dict[str, list[int]]:
    return {host.name: threads_and_descriptors(host) for host in pair}


def nothing_stays_open(pair: list[Host], before: dict[str, list[int]], spare_descriptors: int) -> None:
    for host in pair:
        threads, descriptors = threads_and_descriptors(host)
        assert threads <= before[host.name][0] + 1
        assert descriptors <= before[host.name][1] + spare_descriptors


def test_daemons_say_that_they_can(pair: list[Host]) -> None:
    for host in pair:
        assert "<tunnelled_postcopy/>" in on(host, "virsh capabilities")


def test_memory_arrives_in_both_directions(guest: TunnelledGuest, pair: list[Host]) -> None:
    before = open_in(pair)
    for host in pair:
        told = f"exec virsh event --event lifecycle --loop >/run/{EVENTS}"
        on(host, f"systemd-run --collect --unit={EVENTS} sh -c '{told}'")
    for _migration in range(MIGRATIONS):
        source = guest.source
        guest.migrate(HYBRID)
        assert guest.wrong_pages() == 0
        assert guest.state(source) == ""
    events = [on(host, f"systemctl stop {EVENTS}; cat /run/{EVENTS}") for host in pair]
    assert "".join(events).count("Resumed Post-copy") == MIGRATIONS
    # The guest is back, and the way to it is open at the other host, too; each host had it three times.
    nothing_stays_open(pair, before, spare_descriptors=1)


def test_abort_before_the_switch_leaves_the_guest_at_the_source(guest: TunnelledGuest) -> None:
    with begin(guest.source, guest.command("--bandwidth 20")) as migration:
        wait_until(lambda: "Data processed" in on(guest.source, f"virsh domjobinfo {guest.name}"))
        on(guest.source, f"virsh domjobabort {guest.name}")
        assert migration.wait() == 1
    runs_at_the_source(guest)


@pytest.mark.parametrize("way", [TUNNELLED, DIRECT], ids=["by another", "without one"])
def test_broken_tunnel_is_mended(guest: TunnelledGuest, pair: list[Host], way: str) -> None:
    before = open_in(pair)
    with begin(guest.source, guest.command(SLOW_HYBRID)) as migration:
        wait_until(lambda: guest.state(guest.destination) == "running (post-copy)")
        time.sleep(RUNS_ON_SECONDS)
        on(guest.source, "ss --kill state established dport = 16514")
        assert migration.wait() == 1
    wait_until(lambda: guest.state(guest.destination) == "running (post-copy failed)")
    assert guest.state(guest.source) == "paused (post-copy failed)"
    guest.migrate(RESUME, way)
    assert guest.wrong_pages() == 0
    # Once more, since the daemon that has the guest has more open, and what a tunnel has opened would stay.
    guest.migrate(HYBRID)
    nothing_stays_open(pair, before, spare_descriptors=3)


def test_single_request_is_refused(guest: TunnelledGuest) -> None:
    settings = "/etc/libvirt/libvirtd.conf"
    on(
        guest.destination,
        f"cp {settings} /root/; sed -i '1i max_client_requests = 1' {settings}; systemctl restart libvirtd",
    )
    try:
        refused(guest, "max_client_requests of the destination daemon to be at least 2")
    finally:
        on(guest.destination, f"mv /root/libvirtd.conf {settings}; systemctl restart libvirtd")


def test_peer_without_the_series_is_refused(guest: TunnelledGuest) -> None:
    if guest.source.name == "compute2":
        guest.migrate(HYBRID)
    command = ["ansible-playbook", *(f"--inventory={SCENARIO.parents[1] / name}" for name in INVENTORIES)]
    subprocess.run([*command, "without_series.yml"], cwd=SCENARIO, check=True)
    refused(guest, "tunnelled post-copy migration is not supported by the destination host")


def refused(guest: TunnelledGuest, words: str) -> None:
    """The guest is refused in these words, and runs on as if nothing had been asked."""
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        guest.migrate(HYBRID)
    assert words in refusal.value.stderr
    runs_at_the_source(guest)


def runs_at_the_source(guest: TunnelledGuest) -> None:
    assert guest.state(guest.source).startswith("running")
    assert guest.state(guest.destination) == ""
    assert guest.wrong_pages() == 0
