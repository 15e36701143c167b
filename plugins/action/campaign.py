# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module campaign: a campaign takes minutes to hours, and who waits wants to see it go on.

The module says a line a run in its folder on the observer, wherever that is; they are shown here as they come.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
from pathlib import PurePosixPath
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_LOOK_SECONDS = 1.0


class ActionModule(ActionBase):
    """Runs the module and shows its progress, or its plan in check mode."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's own result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        results = self._task.args.get("results")
        with _Progress(self._connection, results) if results else contextlib.nullcontext():
            result.update(self._execute_module(task_vars=task_vars))
        if result.get("plan"):
            Display().display("\n" + plan_text(result["plan"]) + "\n")
        return result


class _Progress:
    """A thread that shows what is added to the campaign's progress.log while the context is open."""

    def __init__(self, connection: Any, results: str) -> None:
        self._connection = connection
        self._path = shlex.quote(str(PurePosixPath(results, "progress.log")))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)
        # What earlier calls said is not shown again.
        self._shown_bytes = len(self._read(0))

    def __enter__(self) -> _Progress:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(_LOOK_SECONDS)
            added = self._read(self._shown_bytes)
            # A line that is being written is shown when it is whole.
            whole = added[: added.rfind(b"\n") + 1]
            self._shown_bytes += len(whole)
            for line in whole.decode(errors="replace").splitlines():
                Display().display(line)

    def _read(self, start_bytes: int) -> bytes:
        """What the file on the observer holds from here on; nothing where it cannot be read at the moment."""
        command = f"/bin/sh -c {shlex.quote(f'test ! -e {self._path} || tail -c +{start_bytes + 1} {self._path}')}"
        try:
            code, output, _errors = self._connection.exec_command(command, in_data=None, sudoable=False)
        except AnsibleError:
            return b""
        return bytes(output) if code == 0 else b""


def plan_text(plan: list[dict[str, Any]]) -> str:
    """The plan as lines: its blocks, its runs in their order, how long each and all of what is left will take."""
    lines = []
    block = None
    for run in plan:
        if run["block"] != block:
            block = run["block"]
            lines.append(f"block {block}, repetition {run['repetition']}")
        ahead = "recorded already" if run["is_recorded"] else f"about {run['predicted_seconds']:.0f} s"
        lines.append(f"  {run['run']}: {ahead}")
    left = [run["predicted_seconds"] for run in plan if not run["is_recorded"]]
    lines.append(f"{len(left)} of {len(plan)} runs are to be made, in about {sum(left) / 60:.1f} minutes.")
    return "\n".join(lines)
