# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of a sequence of campaigns together, from their folders: as one file, one page, lines of text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import RecordError
from ansible_collections.stsm.live_migration.plugins.module_utils._report_style import STYLE
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import (
    SCHEMA_VERSION,
    counts,
    file_text,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_page import CLASSES, summary_of

try:
    import jinja2
    from markupsafe import Markup
except ImportError:
    jinja2 = None  # type: ignore[assignment,unused-ignore]

_TEMPLATE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Published claims: {{ name }}</title>
<style>{{ style }}</style>
</head>
<body>
<header>
<h1>Published claims: {{ name }}</h1>
<p>{{ summary }}</p>
</header>
<main>
<section id="experiments">
<h2>Experiments</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of the experiments">
<table>
<thead><tr><th scope="col">experiment</th><th scope="col">valid runs</th>
{% for word in words %}<th scope="col">{{ word }}</th>{% endfor %}</tr></thead>
<tbody>
{% for member in members %}
<tr><td>{% if member.is_reported %}<a href="../{{ member.name }}/report.html">{{ member.name }}</a>
{% else %}{{ member.name }} (not measured yet){% endif %}</td>
<td>{{ member.valid_runs }}/{{ member.recorded_runs }}</td>
{% for count in member.counts %}<td>{{ count }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
{% for member in members if member.verdicts %}
<section>
<h2>{{ member.name }}</h2>
<ul class="findings">
{% for entry in member.verdicts %}
<li class="verdict"><b class="{{ classes[entry.verdict] }}">{{ entry.verdict }}</b> {{ entry.statement }}
<span class="dim">{{ entry.claim }}{{ entry.at }}</span><br><span class="dim">{{ entry.why }}</span></li>
{% endfor %}
</ul>
</section>
{% endfor %}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Member:
    """One campaign of a sequence with its verdicts, as its verdicts.json holds them."""

    name: str
    is_reported: bool = False
    recorded_runs: int = 0
    valid_runs: int = 0
    verdicts: Sequence[Mapping[str, Any]] = ()

    @property
    def counts(self) -> list[int]:
        """How often each verdict was given, in the order of VERDICTS."""
        return list(counts([str(verdict["verdict"]) for verdict in self.verdicts]).values())


def gather_verdicts(folders: Sequence[Path]) -> list[Member]:
    """Return the campaigns in order; one that was not measured or reported yet has no verdicts."""
    return [_member(folder) for folder in folders]


def overview_text(name: str, members: Sequence[Member]) -> str:
    """Return the file of all verdicts, which has the same schema as that of one campaign."""
    return file_text(
        name,
        [verdict for member in members for verdict in member.verdicts],
        sum(member.recorded_runs for member in members),
        sum(member.valid_runs for member in members),
    )


def overview_lines(members: Sequence[Member]) -> list[str]:
    """Return how many claims got which verdict, of all campaigns and of each."""
    return [_summary(members), *(f"{member.name}: {_summary([member])}" for member in members)]


def overview_page(name: str, members: Sequence[Member]) -> str | None:
    """Return the page; None without the template package."""
    if not jinja2:
        return None
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    shown = [
        {
            "name": member.name,
            "is_reported": member.is_reported,
            "recorded_runs": member.recorded_runs,
            "valid_runs": member.valid_runs,
            "counts": member.counts,
            "verdicts": [{**verdict, "at": _at(verdict)} for verdict in member.verdicts],
        }
        for member in members
    ]
    return environment.from_string(_TEMPLATE).render(
        name=name,
        style=Markup(STYLE),
        summary=_summary(members),
        words=list(counts([])),
        members=shown,
        classes=CLASSES,
    )


def _summary(members: Sequence[Member]) -> str:
    verdicts = [verdict for member in members for verdict in member.verdicts]
    if not verdicts:
        return "No claim was judged yet."
    return summary_of([verdict["claim"] for verdict in verdicts], [verdict["verdict"] for verdict in verdicts])


def _at(verdict: Mapping[str, Any]) -> str:
    """Return at which place a claim was judged, and whether on a scaled replica."""
    words = [f"{axis} {value}" for axis, value in verdict["where"].items()]
    words += ["scaled replica"] if verdict["replica"] else []
    return f" ({', '.join(words)})" if words else ""


def _member(folder: Path) -> Member:
    """Return what a campaign's folder holds."""
    path = folder / "verdicts.json"
    if not path.exists():
        return Member(folder.name)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = {}
    if found.get("schema_version") != SCHEMA_VERSION:
        raise RecordError(
            f"{path} has the schema version {found.get('schema_version')}, but this collection reads {SCHEMA_VERSION}:"
            " make the campaign's report again."
        )
    return Member(folder.name, True, found["recorded_runs"], found["valid_runs"], found["verdicts"])
