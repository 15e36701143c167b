# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host really offers to a migration: QEMU is asked to set what a strategy sets, libvirt for what it binds.

A version says what a program should know; how it was built, and what the host lets it do, says no version.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Mapping, Sequence
from xml.etree import ElementTree

from ._binding import libvirt
from ._permission import post_copy_permission
from ._qemu import converse

_QEMU_CONF = Path("/etc/libvirt/qemu.conf")
_MIGRATE_TLS, _DEFAULT_TLS = "/etc/pki/libvirt-migrate", "/etc/pki/qemu"
_TLS_OBJECT = "stsm-tls"
# QEMU takes it only on KVM, and must be told when it starts.
DIRTY_RING = "dirty-ring-size=4096"


def offer(
    connection: Any,
    emulator: str,
    constants: Sequence[str],
    trials: Mapping[str, Mapping[str, Any]],
    neutral: Mapping[str, Any],
    memory_mib: int,
) -> dict[str, Any]:
    """``{"capabilities", "parameters", "refusals", "userfaultfd_by_libvirt", "missing_constants", "migration_features",
    "tls_refusal", "locks_memory"}``.

    Each of *trials* (name of a strategy → ``{"capabilities", "parameters", "dirty_ring"}``) is set in the *emulator*
    itself, after all is off and *neutral* parameters are back; *refusals* has QEMU's words by the strategy's name.
    """
    capabilities, parameters = converse(
        emulator, {"execute": "query-migrate-capabilities"}, {"execute": "query-migrate-parameters"}
    )
    known = {row["capability"] for row in capabilities["return"]}
    offered = {"capabilities": sorted(known), "parameters": sorted(parameters["return"])}
    tls = [_object_add(endpoint) for endpoint in ("server", "client")]
    (tls_server, tls_client) = converse(emulator, *tls)
    tls_refusal = next((words for words in map(_refusal, (tls_server, tls_client)) if words), None)
    # QEMU by hand would be refused what libvirt gives to its own guests, and so is not asked where it would try.
    by_libvirt: bool = post_copy_permission(emulator)["needs_libvirt"]
    refusals: dict[str, str] = {}
    for with_ring in (False, True):
        some = {
            name: trial
            for name, trial in trials.items()
            if bool(trial["dirty_ring"]) is with_ring and set(trial["capabilities"]) <= known
        }
        if some:
            refusals.update(
                _tried(emulator, some, known, neutral, with_ring, with_tls=not tls_refusal, incoming=not by_libvirt)
            )
    return {
        **offered,
        "refusals": refusals,
        "userfaultfd_by_libvirt": by_libvirt,
        "missing_constants": [name for name in constants if not hasattr(libvirt, name)],
        "migration_features": _migration_features(connection),
        "tls_refusal": tls_refusal,
        "locks_memory": _locks(memory_mib),
    }


def _tried(
    emulator: str,
    trials: Mapping[str, Mapping[str, Any]],
    known: set[str],
    neutral: Mapping[str, Any],
    with_ring: bool,
    with_tls: bool,
    incoming: bool,
) -> dict[str, str]:
    """QEMU's refusals; trials share one process, so each begins by taking back what the one before has set."""
    touched = sorted({name for trial in trials.values() for name in trial["capabilities"]})
    requests: list[dict[str, Any]] = [_object_add("client")] if with_tls else []
    first = len(requests)
    for trial in trials.values():
        requests += [
            _set_capabilities(dict.fromkeys(touched, False)),
            _set_parameters({**neutral, **trial["parameters"]}),
            _set_capabilities(dict.fromkeys(trial["capabilities"], True)),
        ]
    options = ("-accel", f"kvm,{DIRTY_RING}") if with_ring else ()
    answers = converse(emulator, *requests, options=options, incoming=incoming)[first:]
    found = {}
    for number, name in enumerate(trials):
        words = [_refusal(answer) for answer in answers[3 * number : 3 * number + 3]]
        said = next((word for word in words if word), None)
        if said is not None:
            found[name] = said
    return found


def _refusal(answer: Mapping[str, Any]) -> str | None:
    return str(answer["error"]["desc"]).rstrip(".") if "error" in answer else None


def _set_capabilities(states: Mapping[str, bool]) -> dict[str, Any]:
    rows = [{"capability": name, "state": state} for name, state in states.items()]
    return {"execute": "migrate-set-capabilities", "arguments": {"capabilities": rows}}


def _set_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"execute": "migrate-set-parameters", "arguments": dict(values)}


def _object_add(endpoint: str) -> dict[str, Any]:
    identifier = _TLS_OBJECT if endpoint == "client" else f"{_TLS_OBJECT}-{endpoint}"
    options = {"dir": tls_folder(), "endpoint": endpoint, "verify-peer": True}
    return {"execute": "object-add", "arguments": {"qom-type": "tls-creds-x509", "id": identifier, **options}}


def tls_folder() -> str:
    """Where libvirt lets QEMU take the certificates of a migration from."""
    try:
        text = _QEMU_CONF.read_text(encoding="utf-8")
    except OSError:
        text = ""
    said: dict[str, str] = dict(
        re.findall(r'^\s*(migrate_tls_x509_cert_dir|default_tls_x509_cert_dir)\s*=\s*"([^"]+)"', text, re.M)
    )
    own = _MIGRATE_TLS if Path(_MIGRATE_TLS).is_dir() else said.get("default_tls_x509_cert_dir", _DEFAULT_TLS)
    return said.get("migrate_tls_x509_cert_dir", own)


def _migration_features(connection: Any) -> list[str]:
    """What libvirt's host capabilities list as features of migration."""
    features = ElementTree.fromstring(connection.getCapabilities()).find("host/migration_features")
    return [] if features is None else [feature.tag for feature in features]


def _locks(memory_mib: int) -> bool:
    """Whether root may let a process lock so much memory, as libvirt does for zero-copy."""
    limit = str(memory_mib << 20)
    return subprocess.run(["prlimit", f"--memlock={limit}:{limit}", "true"], check=False).returncode == 0
