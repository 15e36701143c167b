# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""All parts of the tests as data, cheapest first."""

from __future__ import annotations

from runner._part import Part

PYTEST_SETTINGS = "pyproject.toml"
SHIPPED = (
    "plugins/*",
    "roles/*",
    "playbooks/*",
    "inventories/*",
    "meta/*",
    "docs/*",
    "changelogs/*",
    "galaxy.yml",
    "*.md",
)
HOSTS = (
    "plugins/*",
    "roles/*",
    "playbooks/*",
    "inventories/*",
    "molecule/*",
    ".config/molecule/*",
    "tests/measured_pair.py",
    "tests/nested_hosts.py",
    "tests/openstack_hosts.py",
    "tests/own_guest.py",
    "tests/quickstart_hosts.py",
    "tests/stack_hosts.py",
    "tests/tunnelled_guest.py",
    PYTEST_SETTINGS,
)
GUEST = ("tests/guest/*", "roles/workload/*", PYTEST_SETTINGS)
TYPED = ("ansible_collections.stsm.live_migration.plugins", "runner", "lint")


def _pytest(*arguments: str) -> tuple[str, ...]:
    return ("python", "-m", "pytest", "--quiet", "-r", "fEs", *arguments)


def _ansible_test(kind: str) -> tuple[str, ...]:
    return ("python", "-m", "runner.ansible_test", kind)


def _molecule(scenario: str, *, minutes: float, junit: bool) -> Part:
    return Part(
        name=f"molecule-{scenario}",
        command=("molecule", "test", "--scenario-name", scenario),
        inputs=HOSTS,
        minutes=minutes,
        junit=junit,
        needs=("root",),
        cleanup=("molecule", "destroy", "--scenario-name", scenario),
    )


PARTS: tuple[Part, ...] = (
    Part(
        name="unit",
        command=_pytest("tests/unit"),
        inputs=("plugins/*", "roles/*", "tests/unit/*", PYTEST_SETTINGS),
        minutes=1,
        junit=True,
        always=True,
    ),
    Part(
        name="runner",
        command=_pytest("tests/runner"),
        inputs=("tests/runner/*", PYTEST_SETTINGS),
        minutes=0.2,
        junit=True,
    ),
    Part(
        name="house-rules",
        command=_pytest("tests/lint", "-m", "not package"),
        inputs=("*",),
        minutes=0.3,
        junit=True,
    ),
    Part(
        name="lint-yaml",
        command=("yamllint", "--strict", "."),
        inputs=("*.yml", "*.yaml", ".yamllint", ".gitignore"),
        minutes=0.2,
    ),
    Part(
        name="lint-ruff",
        command=("ruff", "check"),
        inputs=("*.py", PYTEST_SETTINGS),
        minutes=0.1,
    ),
    Part(
        name="lint-format",
        command=("ruff", "format", "--check", "--diff"),
        inputs=("*.py", PYTEST_SETTINGS),
        minutes=0.1,
    ),
    Part(
        name="lint-types",
        command=("mypy", *(word for package in TYPED for word in ("--package", package))),
        inputs=("plugins/*", "tests/runner/*", "tests/lint/*", PYTEST_SETTINGS),
        minutes=0.3,
    ),
    Part(
        name="changelog",
        command=("antsibull-changelog", "lint"),
        inputs=("changelogs/*", "galaxy.yml"),
        minutes=0.1,
    ),
    Part(
        name="lint-ansible",
        command=("ansible-lint", "--config-file", ".config/ansible-lint.yml"),
        inputs=("*.yml", "*.yaml", "*.j2", "plugins/*", "meta/*"),
        minutes=0.5,
    ),
    Part(
        name="docs",
        command=("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", "."),
        inputs=SHIPPED,
        minutes=0.3,
    ),
    Part(
        name="guest-c",
        command=_pytest("tests/guest", "-m", "not guest"),
        inputs=GUEST,
        minutes=0.5,
        junit=True,
    ),
    Part(
        name="package",
        command=_pytest("tests/lint", "-m", "package"),
        inputs=(*SHIPPED, "tests/lint/*", "LICENSE", "MAINTAINERS", PYTEST_SETTINGS),
        minutes=0.5,
        junit=True,
    ),
    Part(
        name="ansible-units",
        command=_ansible_test("units"),
        inputs=("plugins/*", "tests/unit/*", "tests/runner/ansible_test.py"),
        minutes=0.5,
        junit=True,
    ),
    Part(
        name="sanity",
        command=_ansible_test("sanity"),
        inputs=("*.py", "*.yml", "*.sh", "tests/sanity/*", "meta/*", "tests/runner/ansible_test.py"),
        minutes=2,
        junit=True,
    ),
    Part(
        name="ansible-integration",
        command=_ansible_test("integration"),
        inputs=("plugins/*", "tests/integration/*", "tests/runner/ansible_test.py"),
        minutes=0.5,
        needs=("root",),
    ),
    Part(
        name="guest-boot",
        command=_pytest("tests/guest", "-m", "guest"),
        inputs=GUEST,
        minutes=3,
        junit=True,
        needs=("qemu-system-x86_64",),
    ),
    _molecule("default", minutes=4, junit=False),
    _molecule("stack", minutes=4, junit=True),
    _molecule("quickstart", minutes=10, junit=True),
    # Their times are those with nothing built before; what a run has built, the next one on the machine finds.
    _molecule("tunnel", minutes=14, junit=True),
    _molecule("openstack", minutes=20, junit=True),
    _molecule("nested", minutes=27, junit=True),
    _molecule("built", minutes=38, junit=True),
    _molecule("nested_kernel", minutes=42, junit=True),
)
