# Copyright (c) 2026, the stsm.live_migration authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module report: a table is read in lines, which a result's YAML or JSON would break."""

from __future__ import annotations

import textwrap
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_WIDTH = 110


class ActionModule(ActionBase):
    """Runs the module and shows what it found."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's own result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self._execute_module(task_vars=task_vars))
        if not result.get("failed"):
            Display().display("\n" + findings_text(result) + "\n")
        return result


def findings_text(result: dict[str, Any]) -> str:
    """The module's result as a reader wants it: the table, then each sentence and verdict as a paragraph of its own."""
    paragraphs = [textwrap.fill(sentence, _WIDTH) for sentence in (*result["sentences"], *result["verdicts"])]
    sources = f"{result['runs']} runs in {result['records']}, one line each in {result['summary_csv']}"
    page = [f"With figures, to open in a browser: {result['page']}"] if result["page"] else []
    table = ["\n".join(result["table"])] if result["table"] else []
    other = [textwrap.fill(sentence, _WIDTH) for sentence in result["comparison"]]
    return "\n\n".join([*table, *paragraphs, *other, sources, *page])
