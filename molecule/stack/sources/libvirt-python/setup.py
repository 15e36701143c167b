# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A stand-in for libvirt-python's: constants are made of the API's description, which pkg-config finds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from setuptools import setup

command = ["pkg-config", "--variable=libvirt_api", "libvirt"]
description = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
constants = ElementTree.parse(description).iter("enum")
Path("libvirt.py").write_text("".join(f"{one.get('name')} = {one.get('value')}\n" for one in constants))

setup(name="libvirt-python", version="11.3.0", py_modules=["libvirt"])
