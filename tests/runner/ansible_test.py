# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Run one kind of `ansible-test` on a copy of the checkout, without a network but for the Python package index.

ansible-test wants the collection at a real path .../ansible_collections/NAMESPACE/NAME (a link resolves away), keeps
its state below HOME, passes none of pip's variables on, and downloads a get-pip unless it finds one in its cache.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import ansible_test

from runner._inputs import checkout_files
from runner._ledger import default_folder

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARGUMENTS = {
    # pslint wants PowerShell, of which there is none.
    "sanity": ["sanity", "--python", PYTHON, "--skip-test", "pslint", "--junit", "--color", "no"],
    "units": ["units", "--python", PYTHON, "--color", "no"],
    "integration": ["integration", "--python", PYTHON, "--allow-destructive", "--allow-root", "--color", "no"],
}
GET_PIP = '''"""Stand-in for get-pip: the pip that this Python brings is enough to install any other."""
import ensurepip

ensurepip.bootstrap(upgrade=True, default_pip=True)
'''


def write_get_pip(home: Path) -> None:
    """Put the stand-in where this ansible-test looks for its pip version's get-pip."""
    requirements = Path(ansible_test.__path__[0]) / "_internal" / "python_requirements.py"
    versions = set(re.findall(r"\bpip='([0-9.]+)'", requirements.read_text()))
    if not versions:
        raise RuntimeError(f"{requirements} names no pip version; look there how this ansible-test gets its pip.")
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)


def write_pip_configuration(home: Path) -> None:
    """Put pip's present settings, from its files and its variables, into a file below home."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    settings = {}
    for line in listed.splitlines():
        name, value = line.split("=", 1)
        settings[name.rsplit(".", 1)[-1]] = " ".join(str(ast.literal_eval(value)).split())
    folder = home / ".config" / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))


def copy_checkout(root: Path, target: Path) -> None:
    """Copy what is or could be committed."""
    for name in checkout_files(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)


def main(kind: str, *further: str) -> int:
    """Run one kind of ARGUMENTS, with further ones (names of targets), and return ansible-test's exit status.

    JUnit files go to JUNIT_FOLDER if that is set.
    """
    # Ended from outside, it still takes its copy away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = default_folder().parent / "ansible-test"
    write_get_pip(home)
    write_pip_configuration(home)
    environment = {name: value for name, value in os.environ.items() if name not in ("ANSIBLE_CONFIG", "PYTHONPATH")}
    with tempfile.TemporaryDirectory(prefix="stsm-ansible-test-") as folder:
        target = Path(folder) / "ansible_collections" / "stsm" / "live_migration"
        copy_checkout(ROOT, target)
        environment |= {"HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), "ANSIBLE_COLLECTIONS_PATH": folder}
        status = subprocess.run(
            ["ansible-test", *ARGUMENTS[kind], *further], cwd=target, env=environment, check=False
        ).returncode
        if "JUNIT_FOLDER" in os.environ:
            for path in (target / "tests" / "output" / "junit").glob("*.xml"):
                shutil.copy2(path, os.environ["JUNIT_FOLDER"])
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
