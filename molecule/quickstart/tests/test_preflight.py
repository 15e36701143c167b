# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Every check of preflight finds its fault on real hosts; each fault is undone whatever the test says.

What real hosts cannot be brought into (clocks apart, another QEMU on one end) is in the unit tests of the judgements.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from measured_pair import COLLECTIONS

from ansible_collections.stsm.live_migration.plugins.module_utils._checks._seen import Asked
from ansible_collections.stsm.live_migration.plugins.module_utils._connection import Host
from ansible_collections.stsm.live_migration.plugins.module_utils._guest_choice import Guest
from ansible_collections.stsm.live_migration.plugins.module_utils._preflight import examine_hosts
from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import open_testbed

ASKED = Asked(link_rate_mbit_per_second=1000, link_mtu=1500, guest=Guest(), strategies=("pre-copy", "hybrid"))
CERTIFICATE = "/etc/pki/libvirt/servercert.pem"
RELOAD = "virt-admin server-update-tls libvirtd"
# A drop where packets come in, in a table that the collection does not know.
DROP = (
    "nft add table inet fault && nft add chain inet fault input '{{ type filter hook input priority -20; }}' && "
    "nft add rule inet fault input {0}"
)
ALLOW = "nft delete table inet fault"
Break = Callable[[Host, str, str], None]


def run_on(host: Host, command: str, text: str = "") -> str:
    """What a command of the shell on the host prints; it must not fail."""
    ssh = ["ssh", *host.ssh_arguments, "-p", str(host.port), f"{host.user}@{host.address}", command]
    return subprocess.run(ssh, input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


@pytest.fixture
def breaks() -> Iterator[Break]:
    """Runs a command that breaks a host, and at the test's end the one that repairs it."""
    with contextlib.ExitStack() as repairs:

        def break_it(host: Host, command: str, repair: str) -> None:
            repairs.callback(run_on, host, repair)
            run_on(host, command)

        yield break_it


def refused(pair: list[Host], asked: Asked = ASKED) -> dict[str, str]:
    """The sentences that did not pass, by ``name of the check on host``."""
    findings = examine_hosts(pair, "a test", asked).findings
    return {f"{found['name']} on {found['host']}": found["sentence"] for found in findings if not found["passed"]}


def test_sound_hosts_pass_everything(pair: list[Host], tmp_path: Path) -> None:
    # What the inventory says of these hosts is not read here; one concession stands for all.
    hosts = [replace(host, concessions=["shared-kernel"]) for host in pair]
    examination = examine_hosts(
        hosts, "a test", replace(ASKED, measures_link=True, boot_limit_seconds=20, results=tmp_path / "campaign")
    )
    assert [found["sentence"] for found in examination.findings if not found["passed"]] == []
    assert {found["name"] for found in examination.findings} == {
        *("results", "clock", "post-copy", "disk", "accelerator", "concession", "name", "control connection"),
        *("certificate", "ports", "mtu", "time of day", "versions", "capabilities", "strategy", "machine"),
        *("processor", "memory", "encryption", "link"),
    }
    assert set(examination.facts) == {host.name for host in pair}


def test_name_that_leads_elsewhere(pair: list[Host], breaks: Break) -> None:
    elsewhere = f"sed -E 's/^[^ ]+ ({pair[1].name})$/192.0.2.9 \\1/' /etc/hosts > /run/fault-hosts"
    breaks(pair[0], f"{elsewhere} && mount --bind /run/fault-hosts /etc/hosts", "umount /etc/hosts")
    found = refused(pair)
    assert (
        "takes compute2 for 192.0.2.9, which is no address of compute2: correct /etc/hosts" in found["name on compute1"]
    )
    assert set(found) == {"name on compute1", "control connection on compute1"}


def test_name_that_leads_nowhere(pair: list[Host], breaks: Break) -> None:
    nowhere = f"grep -v {pair[1].name} /etc/hosts > /run/fault-hosts"
    breaks(pair[0], f"{nowhere} && mount --bind /run/fault-hosts /etc/hosts", "umount /etc/hosts")
    assert "cannot resolve compute2, the name of compute2" in refused(pair)["name on compute1"]


@pytest.mark.parametrize("port", [49152, 49215])
def test_closed_migration_port(pair: list[Host], breaks: Break, port: int) -> None:
    breaks(pair[1], DROP.format(f"tcp dport {port} drop"), ALLOW)
    found = refused(pair, replace(ASKED, measures_link=True))
    assert set(found) == {"ports on compute2"}
    assert f"cannot reach port {port} (timed out) of compute2" in found["ports on compute2"]
    assert "open 49152-49215 there" in found["ports on compute2"]


def test_closed_port_of_libvirt(pair: list[Host], breaks: Break) -> None:
    breaks(pair[1], DROP.format("tcp dport 16514 reject with tcp reset"), ALLOW)
    found = refused(pair)
    assert set(found) == {"control connection on compute1"}
    assert "compute2 port 16514, where its libvirt should listen" in found["control connection on compute1"]


def test_interface_with_another_mtu(pair: list[Host], breaks: Break) -> None:
    breaks(pair[1], "ip link set dev migration mtu 1400", "ip link set dev migration mtu 1500")
    found = refused(pair)
    assert "migration on compute2 has an MTU of 1400, but 1500 is declared" in found["mtu on compute2"] or (
        "carries packets of 1400 bytes, but an MTU of 1500 is declared" in found["mtu on compute2"]
    )


def test_way_that_loses_full_frames(pair: list[Host], breaks: Break) -> None:
    # As a switch with a smaller MTU does it: both interfaces say 1500, and what is larger disappears.
    breaks(pair[1], DROP.format("iifname migration meta length gt 1450 drop"), ALLOW)
    found = refused(pair)
    assert set(found) == {"mtu on compute2"}
    assert "Packets of 1500 bytes, as the MTU of 1500 has them, do not arrive on the way" in found["mtu on compute2"]


def test_link_that_is_slower_than_declared(pair: list[Host], breaks: Break) -> None:
    breaks(pair[1], DROP.format("iifname migration limit rate over 25 mbytes/second drop"), ALLOW)
    found = refused(pair, replace(ASKED, measures_link=True))
    assert set(found) == {"link on compute1 and compute2"}
    said = re.fullmatch(
        "One TCP stream from compute1 to compute2 carried ([0-9.]+) Mbit/s of payload; a link declared with "
        "1000 Mbit/s and MTU 1500 carries 941 to 956: keep other traffic off .*",
        found["link on compute1 and compute2"],
    )
    assert said is not None and float(said[1]) < 300


def brief_certificate(pki: Path, name: str, seconds: float) -> str:
    """The host's certificate, made anew for a moment by the site's own authority."""
    authority = x509.load_pem_x509_certificate((pki / "ca-cert.pem").read_bytes())
    key = serialization.load_pem_private_key((pki / "ca-key.pem").read_bytes(), None)
    former = x509.load_pem_x509_certificate((pki / "hosts" / name / "cert.pem").read_bytes())
    builder = (
        x509.CertificateBuilder()
        .subject_name(former.subject)
        .issuer_name(authority.subject)
        .public_key(former.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(former.not_valid_before_utc)
        .not_valid_after(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds))
    )
    for extension in former.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()  # type: ignore[arg-type]


def test_certificate_that_has_expired(pair: list[Host], breaks: Break) -> None:
    # The site's authority lies beside the key of SSH.
    pki = Path(pair[1].ssh_arguments[list(pair[1].ssh_arguments).index("-i") + 1]).parents[1] / "pki"
    restore = f"cp -p {CERTIFICATE}.kept {CERTIFICATE} && {RELOAD}"
    breaks(pair[1], f"cp -p {CERTIFICATE} {CERTIFICATE}.kept", f"{restore} && rm {CERTIFICATE}.kept")
    # libvirt takes no certificate that has expired already; this one does so while it runs, as in life.
    run_on(pair[1], f"cat > {CERTIFICATE} && {RELOAD}", brief_certificate(pki, "compute2", seconds=2))
    time.sleep(3)
    found = refused(pair)
    assert set(found) == {"control connection on compute1", "certificate on compute1"}
    assert (
        "certificate that compute2 shows is not accepted (certificate has expired)" in found["certificate on compute1"]
    )


def test_full_disk_of_a_host(pair: list[Host], breaks: Break) -> None:
    folder = "/var/lib/stsm-live-migration/guests"
    breaks(pair[0], f"mkdir -p {folder} && mount -t tmpfs -o size=8m fault {folder}", f"umount {folder}")
    found = refused(pair)
    assert found == {
        "disk on compute1": f"{folder} on compute1 has 8 MiB free; at least 64 MiB are needed: free some space there."
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_of_the_observer(pair: list[Host], tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "fault", str(tmp_path)], check=True)
    try:
        found = refused(pair, Asked(results=tmp_path / "campaign"))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert set(found) == {"results on the observer"}
    assert "has 8 MiB free; at least 64 MiB are needed" in found["results on the observer"]


@pytest.mark.parametrize(
    ("guest", "check", "words"),
    [
        (
            Guest(memory_mib=10**7),
            "memory",
            "needed, 10000200 MiB for each guest that is to find room: lower guest.memory_mib",
        ),
        (Guest(cpu_model="Z80"), "processor", "does not know the processor model Z80: set guest.cpu_model to one"),
        (Guest(cpu_model="SapphireRapids"), "processor", "on tcg only without "),
        (Guest(cpu_model="host-passthrough"), "processor", "host-passthrough needs the accelerator kvm"),
        (Guest(machine="pc-q35-99.0"), "machine", "does not know the machine type pc-q35-99.0: set guest.machine"),
    ],
)
def test_guest_that_the_hosts_cannot_have(pair: list[Host], guest: Guest, check: str, words: str) -> None:
    found = refused(pair, replace(ASKED, guest=guest))
    assert {name.partition(" on ")[0] for name in found} == {check}
    assert all(words in sentence for sentence in found.values())


def probes(pair: list[Host]) -> list[str]:
    """The guests of a probe that still run."""
    return [run_on(host, "pgrep -f '[c]hardev null,id=control' || true") for host in pair]


def give_kvm(host: Host, breaks: Break, node: str) -> None:
    """Put a node of the numbers *node* where KVM's is expected; one that is there comes back afterwards."""
    aside = "! test -e /dev/kvm || mv /dev/kvm /run/fault-kvm"
    breaks(host, aside, "! test -e /run/fault-kvm || mv /run/fault-kvm /dev/kvm")
    breaks(host, f"mknod -m 0666 /dev/kvm c {node}", "rm /dev/kvm")


def test_accelerator_that_is_only_a_device_node(pair: list[Host], breaks: Break) -> None:
    give_kvm(pair[0], breaks, "1 3")
    sentence = refused(pair, replace(ASKED, guest=Guest(accelerator="kvm"), boot_limit_seconds=20))[
        "accelerator on compute1"
    ]
    assert "A guest on kvm does not start on compute1 (" in sentence
    assert "set guest.accelerator to tcg" in sentence


def test_accelerator_that_is_too_slow_is_stopped_by_the_clock(pair: list[Host]) -> None:
    found = refused(pair, replace(ASKED, boot_limit_seconds=0.5))
    assert set(found) == {"accelerator on compute1", "accelerator on compute2"}
    assert "A guest on tcg did not boot on compute1 in 0.5 s" in found["accelerator on compute1"]
    assert probes(pair) == ["", ""]


@pytest.mark.skipif(
    not Path("/dev/kvm").exists() or bool({"svm", "vmx"} & set(Path("/proc/cpuinfo").read_text().split())),
    reason="the machine has no /dev/kvm, or a processor that may be able to do it",
)
def test_kvm_that_opens_and_emulates_is_found_useless(pair: list[Host], breaks: Break) -> None:
    give_kvm(pair[0], breaks, "10 232")
    found = refused(pair, replace(ASKED, guest=Guest(accelerator="kvm"), boot_limit_seconds=4))
    assert "on kvm did not boot on compute1 in 4 s of processor time, whatever" in found["accelerator on compute1"]
    assert probes(pair) == ["", ""]


def test_host_that_cannot_be_reached_leaves_the_other_one_examined(pair: list[Host]) -> None:
    examination = examine_hosts([pair[0], replace(pair[1], port=1)], "a test", ASKED)
    (found,) = [found for found in examination.findings if not found["passed"]]
    assert (found["name"], found["host"]) == ("connection", "compute2")
    assert found["sentence"].startswith("The connection to compute2 (root@")
    assert found["sentence"].endswith("refused: start the host, or correct its ansible_host, user, port and key.")
    assert {"post-copy", "disk", "clock"} <= {
        found["name"] for found in examination.findings if found["host"] == "compute1"
    }
    assert set(examination.facts) == {"compute1"}


def test_hosts_that_are_being_measured(pair: list[Host]) -> None:
    with open_testbed(pair, "a longer test"):
        found = refused(pair)
    assert set(found) == {"connection on compute1", "connection on compute2"}
    assert "being measured by a longer test" in found["connection on compute1"]


def test_inventory_that_is_not_filled_in_is_refused_before_any_connection(tmp_path: Path) -> None:
    hosts = "compute: {hosts: {one: {ansible_host: 'CHANGE_ME: its address'}, other: {ansible_host: 192.0.2.1}}}"
    (tmp_path / "hosts.yml").write_text(f"observer: {{hosts: {{localhost: {{ansible_connection: local}}}}}}\n{hosts}\n")
    done = subprocess.run(
        ["ansible-playbook", "--inventory", str(tmp_path / "hosts.yml"), "stsm.live_migration.preflight"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_STDOUT_CALLBACK": "minimal"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "ansible_host of one is still 'CHANGE_ME: its address': set it in the inventory" in done.stdout
    assert "Examine both hosts" not in done.stdout
