# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Where builds are kept on the builder."""

from __future__ import annotations

from pathlib import Path

DEFAULT_FOLDER = "/var/cache/stsm-live-migration/builds"


def component_folder(folder: Path | str, component: str) -> Path:
    """The folder of a component, with one folder for each digest."""
    return Path(folder) / component


def progress_file(folder: Path | str, component: str) -> Path:
    """Where a build says how far it is, a line at a time."""
    return component_folder(folder, component) / "progress.log"


def index_folder(folder: Path | str) -> Path:
    """Where the distribution's source index is kept."""
    return Path(folder) / "index"
