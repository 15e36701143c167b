# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module campaign: a campaign takes minutes to hours, and who waits wants to see it go on.

The module says a line a run in its folder on the observer, wherever that is; they are shown here as they come.
"""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.stsm.live_migration.plugins.plugin_utils._progress import Progress


class ActionModule(ActionBase):
    """Runs the module and shows its progress, or its plan in check mode."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's own result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        results = self._task.args.get("results")
        progress = str(PurePosixPath(results, "progress.log")) if results else ""
        with Progress(self._connection, progress) if progress else contextlib.nullcontext():
            result.update(self._execute_module(task_vars=task_vars))
        if result.get("plan") is not None:
            Display().display("\n" + plan_text(result["plan"], result["left_out"]) + "\n")
        return result


def plan_text(plan: list[dict[str, Any]], left_out: list[dict[str, Any]]) -> str:
    """The plan as lines: its blocks, its runs in their order, how long each and all of what is left will take.

    What cannot be measured here stands at the end, with the reason.
    """
    lines = []
    block = None
    for run in plan:
        if run["block"] != block:
            block = run["block"]
            lines.append(f"block {block}, repetition {run['repetition']}")
        ahead = "recorded already" if run["is_recorded"] else f"about {run['predicted_seconds']:.0f} s{_expected(run)}"
        lines.append(f"  {run['run']}: {ahead}")
    left = [run["predicted_seconds"] for run in plan if not run["is_recorded"]]
    lines.append(f"{len(left)} of {len(plan)} runs are to be made, in about {sum(left) / 60:.1f} minutes.")
    lines += [f"not here: {cell['run']}: {cell['reason']}" for cell in left_out]
    return "\n".join(lines)


def _expected(run: dict[str, Any]) -> str:
    """What the models expect of the migration itself."""
    probability = run["predicted_probability"]
    if probability is None:
        return ""
    if not probability:
        return ", not expected to converge"
    times = f"migration {run['predicted_low_ms'] / 1e3:.1f} to {run['predicted_high_ms'] / 1e3:.1f} s"
    return f" ({times})" if probability == 1 else f" ({times} in the {probability:.0%} of runs that converge)"
