# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""From a source to programs on a host: built once for its inputs, published, trusted; and what is wrong is refused."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from stack_hosts import SOURCES, refusal
from testinfra.host import Host

testinfra_hosts = ["ansible://compute1"]

BUILDS = "/var/cache/stsm-live-migration/builds"
LIMIT_SECONDS = 60
SLOW = """\
--- a/configure
+++ b/configure
@@ -4,4 +4,5 @@
 # A stand-in for QEMU's: it knows two features, and meson does the rest.
 set -eu
+sleep 600
 tree=$(cd "$(dirname "$0")" && pwd)
 features=
"""
FLAG = """\
--- a/scripts/apibuild.py
+++ b/scripts/apibuild.py
@@ -10,2 +10,3 @@
 DESCRIPTION = "<api name='libvirt'><symbols><enum name='VIR_MIGRATE_LIVE' value='1'/></symbols></api>\\n"
+DESCRIPTION = DESCRIPTION.replace("</symbols>", "<enum name='VIR_MIGRATE_NEW' value='2'/></symbols>")
 Path(sys.argv[2], "libvirt-api.xml").write_text(DESCRIPTION, encoding="utf-8")
"""
UNFIT = SLOW.replace("set -eu", "set -x")


def built(builder: Host, component: str) -> dict[str, Any]:
    """What the builder says that it built last."""
    fact: dict[str, Any] = json.loads(builder.file(f"/etc/ansible/facts.d/stsm_{component}.fact").content_string)
    return fact


def source_of(component: str, name: str, version: str) -> dict[str, str]:
    return {
        "provider": "archive",
        "version": version,
        "path": f"{BUILDS}/archives/{component}/{name}.tar",
        "sha256": hashlib.sha256((SOURCES / f"{name}.tar").read_bytes()).hexdigest(),
    }


def build(builder: Host, component: str = "qemu", **changed: Any) -> dict[str, Any]:
    """What the module answers on the builder to what the inventory asks for, with something changed."""
    config = (SOURCES / "linux.config").read_text().rstrip()
    source, options = {
        "kernel": (source_of("kernel", "linux", "6.12.0-1"), {"base": "minimal", "config": config}),
        "qemu": (source_of("qemu", "qemu", "10.2.0-1"), {"features": {"kvm": True}}),
        "libvirt": (
            source_of("libvirt", "libvirt", "11.3.0-1"),
            {"features": {}, "debug_symbols": False, "layout": "replace"},
        ),
    }[component]
    source.update(changed.pop("source", {}))
    further = [{"name": "python", **source_of("libvirt", "libvirt-python", "11.3.0")}] if component == "libvirt" else []
    asked = {"component": component, "source": source, "options": options, "further_sources": further, **changed}
    answer: dict[str, Any] = builder.ansible("stsm.live_migration.package_build", json.dumps(asked), check=False)
    return answer


def test_program_of_the_builder_runs_on_the_host(host: Host) -> None:
    (program,) = host.check_output("ls -d /opt/stsm-live-migration/qemu/*/bin/qemu-system-x86_64").splitlines()
    assert host.check_output(program) == "tiny QEMU with kvm"
    package = host.check_output(f"dpkg-query --search {program}").partition(":")[0]
    assert f"/{package.removeprefix('stsm-qemu-')}/" in program


def test_all_components_are_published_under_the_sites_key(host: Host, builder: Host) -> None:
    for component in ("kernel", "qemu", "libvirt"):
        (package,) = built(builder, component)["packages"]
        policy = host.check_output(f"apt-cache policy {package['name']}")
        assert package["version"] in policy and "990" in policy
    assert builder.file("/var/lib/stsm-live-migration/repository/gnupg").mode == 0o700


def test_the_same_inputs_build_nothing_and_others_anew(builder: Host) -> None:
    again = build(builder)
    assert (again["changed"], again["digest"]) == (False, built(builder, "qemu")["digest"])
    other = build(builder, options={"features": {"kvm": True, "tcg": True}})
    assert other["changed"] and other["digest"] != again["digest"]
    assert built(builder, "libvirt")["digest"] in builder.check_output(f"ls {BUILDS}/libvirt")


@pytest.mark.parametrize("component", ["kernel", "qemu", "libvirt"])
def test_two_builds_have_the_same_bytes(builder: Host, component: str) -> None:
    first = built(builder, component)
    builder.check_output(f"rm -r {BUILDS}/{component}/{first['digest']}")
    second = build(builder, component)
    assert (second["changed"], second["digest"]) == (True, first["digest"])
    assert second["packages"] == first["packages"]


@pytest.mark.parametrize(
    ("component", "changed", "sentence"),
    [
        (
            "qemu",
            {"patches": [{"name": "0001-x.patch", "text": UNFIT}]},
            "0001-x.patch does not apply (hunk 1 of configure",
        ),
        ("qemu", {"source": {"sha256": "0" * 64}}, "has the SHA-256 sum"),
        ("qemu", {"options": {"features": {"kvn": True}}}, "has no feature kvn (did you mean kvm?)"),
        (
            "kernel",
            {"options": {"config": "CONFIG_USERFAULTFD=y", "fragments": {"more": "CONFIG_KVM=y"}}},
            "CONFIG_KVM",
        ),
        ("libvirt", {"options": {"features": {"quemu": True}}}, "has no feature quemu"),
    ],
    ids=["patch", "checksum", "feature", "dropped-option", "libvirt-feature"],
)
def test_what_is_wrong_is_named_and_leaves_nothing(
    builder: Host, component: str, changed: dict[str, Any], sentence: str
) -> None:
    answer = build(builder, component, **changed)
    assert sentence in answer["msg"]


def test_the_binding_knows_what_a_patch_adds_to_the_api(builder: Host) -> None:
    answer = build(builder, "libvirt", patches=[{"name": "0001-flag.patch", "text": FLAG}])
    (package,) = answer["packages"]
    builder.check_output(f"rm -rf /unpacked && dpkg-deb --extract {package['file']} /unpacked")
    binding = "PYTHONPATH=/unpacked/usr/lib/python3/dist-packages python3 -c 'import libvirt; print(*dir(libvirt))'"
    assert {"VIR_MIGRATE_LIVE", "VIR_MIGRATE_NEW"} <= set(builder.check_output(binding).split())


def test_libvirt_beside_the_distributions_has_no_file_in_its_place(builder: Host) -> None:
    answer = build(builder, "libvirt", options={"layout": "beside"})
    (package,) = answer["packages"]
    assert package["name"] == "stsm-libvirt-beside"
    files = builder.check_output(f"dpkg-deb --fsys-tarfile {package['file']} | tar --list | grep --invert-match '/$'")
    assert {name.split("/")[1] for name in files.splitlines()} == {"etc", "opt"}
    assert all(name.startswith(("./opt/stsm-", "./etc/opt/stsm-")) for name in files.splitlines())


def test_a_disk_that_is_too_small_is_refused_before_anything(builder: Host) -> None:
    builder.check_output("mkdir -p /small && mount -t tmpfs -o size=8m tmpfs /small")
    try:
        answer = build(builder, folder="/small/builds")
        assert "MiB of free disk but building qemu needs" in answer["msg"]
        assert builder.run("ls /small/builds/qemu/*/packages").rc != 0
    finally:
        builder.check_output("umount /small && rmdir /small")


def test_an_interrupted_build_is_begun_anew(builder: Host) -> None:
    tcg = {"features": {"tcg": True}}
    with ThreadPoolExecutor() as pool:
        cut = pool.submit(build, builder, options=tcg, patches=[{"name": "0001-slow.patch", "text": SLOW}])
        deadline = time.monotonic() + LIMIT_SECONDS
        while builder.run("pgrep --exact --full 'sleep 600'").rc != 0:
            assert time.monotonic() < deadline and not cut.done()
            time.sleep(0.5)
        # As a loss of power would end it: the module can say nothing any more.
        builder.check_output("kill -KILL $(ps --no-headers -o ppid $(pgrep --exact unshare))")
        assert cut.result(LIMIT_SECONDS)
    whole = build(builder, options=tcg)
    assert whole["changed"] and len(whole["packages"]) == 1
    assert builder.run(f"ls -d {BUILDS}/qemu/.building-*").rc != 0
    assert builder.run("pgrep --exact --full 'sleep 600'").rc != 0


def test_a_compute_host_does_not_compile(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("compute: {hosts: {builder1: {}}}\n")
    refused = refusal("stsm.live_migration.build", f"--inventory={inventory}")
    assert "builder1 is in the groups builder and compute" in refused


def test_a_builder_of_another_release_is_refused(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("builder: {hosts: {localhost: {}}}\n")
    refused = refusal("stsm.live_migration.build", f"--inventory={inventory}", "--limit=localhost")
    assert "localhost is Debian 12" in refused


def test_another_key_than_the_sites_is_refused() -> None:
    refused = refusal("trust.yml", package_repository_fingerprint="0" * 40)
    assert "but package_repository_fingerprint is 0000" in refused


@pytest.mark.parametrize("playbook", ["provision", "build", "deploy", "preflight"])
def test_a_stack_that_there_is_not_is_refused(playbook: str) -> None:
    refused = refusal(f"stsm.live_migration.{playbook}", stack="buildt")
    assert "stack is buildt: set it to distro (the distribution's packages) or to built" in refused
