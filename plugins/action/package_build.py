# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module package_build: a build takes minutes, and who waits wants to see it go on."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.stsm.live_migration.plugins.module_utils._building._places import DEFAULT_FOLDER, progress_file
from ansible_collections.stsm.live_migration.plugins.plugin_utils._progress import Progress


class ActionModule(ActionBase):
    """Runs the module and shows how far the build is."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's own result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        folder = self._task.args.get("folder", DEFAULT_FOLDER)
        with Progress(self._connection, str(progress_file(folder, str(self._task.args.get("component"))))):
            result.update(self._execute_module(task_vars=task_vars))
        return result
