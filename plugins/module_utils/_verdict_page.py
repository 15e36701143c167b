# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts as a reader gets them: as a section of the report's page, and as lines of its text."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._claims import MEASURES, Claim
from ansible_collections.stsm.live_migration.plugins.module_utils._verdict_file import counts
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import (
    NOT_DECIDABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    UNKNOWN,
    Compared,
    Verdict,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._words import enumeration, number

# A word alone must do for who does not see colours; the class adds a colour.
CLASSES = {REPRODUCED: "good", NOT_REPRODUCED: "bad", NOT_DECIDABLE: "open", UNKNOWN: "open"}

# A part of the report's template, whose macros it uses.
TEMPLATE = r"""
{% if verdicts %}
<section id="verdicts">
<h2>Published claims</h2>
<p><b>{{ verdicts_summary }}</b></p>
<p>Between which bounds a claim is borne out, and of how many runs at least, was fixed before the first run. A claim is
reproduced if the interval of each of its comparisons lies within the bounds, not reproduced if one lies wholly outside,
and else not decidable here. Where the published figure is lost, the verdict is unknown whatever was measured.</p>
{% for entry in verdicts %}
<details class="verdict prints">
<summary><b class="{{ entry.css }}">{{ entry.verdict }}</b> {{ entry.statement }}
<span class="dim">{{ entry.id }}{{ entry.at }}</span></summary>
<p>{{ entry.why }}</p>
{{ table("Comparisons of " ~ entry.id, entry.rows) }}
{{ pairs(entry.facts) }}
{% if entry.runs %}
<p class="dim">Runs behind it:
{% for run in entry.runs %}
<a href="#run-{{ run }}">{{ loop.index }}</a>
{% endfor %}
</p>
{% endif %}
</details>
{% endfor %}
</section>
{% endif %}
"""

_HEADING = ["comparison", "measured (interval)", "bounds", "within", "Cliff's delta", "detectable", "runs"]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many claims got which verdict, in one sentence."""
    words = [verdict.verdict for verdict in verdicts]
    return summary_of([verdict.claim.id for verdict in verdicts], words)


def summary_of(claims_judged: Sequence[str], words: Sequence[str]) -> str:
    """Return the same from the ids of the claims, once for each place, and their verdicts."""
    told = [f"{count} {verdict}" for verdict, count in counts(words).items() if count]
    claims = len(set(claims_judged))
    return (
        f"{len(words)} verdict{'' if len(words) == 1 else 's'} on {claims} published"
        f" claim{'' if claims == 1 else 's'}: {enumeration(told)}."
    )


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the verdicts as paragraphs of text: how many got which, then each with its reason.

    What is said alike of several places, as of a lost figure, is said once.
    """
    if not verdicts:
        return []
    alike: dict[str, list[str]] = {}
    for verdict in verdicts:
        words = f"{verdict.verdict.upper()}. {verdict.claim.statement} {verdict.why}"
        alike.setdefault(f"{verdict.claim.id}\n{words}", []).append(_at(verdict))
    told = [summary(verdicts)]
    for text, places in alike.items():
        name, words = text.split("\n", 1)
        told.append(f"{name}{places[0] if len(places) == 1 else f' (in {len(places)} places)'}: {words}")
    return told


def entries(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return what the page says of each verdict."""
    return [
        {
            "id": verdict.claim.id,
            "at": _at(verdict),
            "verdict": verdict.verdict,
            "css": CLASSES[verdict.verdict],
            "statement": verdict.claim.statement,
            "why": verdict.why,
            "facts": _facts(verdict),
            "rows": [_HEADING, *(_row(part) for part in verdict.parts)],
            "runs": verdict.runs,
        }
        for verdict in verdicts
    ]


def _at(verdict: Verdict) -> str:
    """Return at which place a claim was judged; nothing if there is only one and it has the real size."""
    words = [f"{axis} {value}" for axis, value in verdict.where.items()]
    words += [verdict.replica.words] if verdict.replica else []
    return f" ({', '.join(words)})" if words else ""


def _facts(verdict: Verdict) -> list[tuple[str, str]]:
    claim = verdict.claim
    facts = [
        ("source", claim.source),
        ("published", _published(claim)),
        ("judged by", MEASURES[claim.measure] + (f", {claim.figure}" if claim.figure else "")),
        ("confidence", f"{verdict.confidence:.0%}"),
        ("smallest number of runs", str(verdict.smallest_number_of_runs)),
    ]
    facts += [("the figure is from", claim.figure_source)] if claim.figure_source else []
    facts += [("tolerance", f"{verdict.tolerance:.0%}")] if verdict.tolerance else []
    facts += [("stack", verdict.stack)] if verdict.stack else []
    return facts


def _published(claim: Claim) -> str:
    """Return what was published, in words where it was said in words."""
    if claim.is_lost:
        return "unknown (the figure is lost)"
    if claim.published is None:
        return "in words; the bounds are this campaign's"
    if isinstance(claim.published, dict):
        return ", ".join(f"{place} {number(value)}" for place, value in claim.published.items())
    return number(claim.published)


def _row(part: Compared) -> list[str]:
    """Return a comparison as a row of the table."""
    found = part.estimate
    low, high = (number(bound) if abs(bound) != float("inf") else "" for bound in part.bounds)
    bounds = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else "-"
    within = {True: "yes", False: "no", None: "undecided"}[part.is_inside]
    delta = found.dominance if found else None
    detectable = found.detectable if found else None
    return [
        part.name or "all",
        found.words if found else "-",
        bounds,
        within,
        "-" if delta is None else f"{delta:.2f}",
        "-" if detectable is None else number(detectable),
        str(len(part.runs)),
    ]
