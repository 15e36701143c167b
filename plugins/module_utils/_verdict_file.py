# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign's verdicts: found from its folder, and as a file that other programs read (verdicts.json).

The file holds nothing but what follows from the folder and the site's figures, in fixed digits: read again, the same
records give the same bytes.
"""

from __future__ import annotations

import json
import math
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Definition
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._claims import MEASURES, UNKNOWN, with_figures
from ansible_collections.stsm.live_migration.plugins.module_utils._estimates import Estimate
from ansible_collections.stsm.live_migration.plugins.module_utils._judged import plan_of
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._schema import closed, nullable
from ansible_collections.stsm.live_migration.plugins.module_utils._verdicts import (
    VERDICTS,
    Compared,
    Verdict,
    judge,
)

SCHEMA_VERSION = 1

# What campaign.yml holds beside the definition.
_BESIDE = ("site", "left_out")

_TEXT = {"type": "string", "minLength": 1}
_NUMBER_OR_NONE = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_INTERVAL = {"type": "array", "items": _NUMBER_OR_NONE, "minItems": 2, "maxItems": 2}

_ESTIMATE = closed(
    {
        "centre": {"type": "number"},
        "interval": _INTERVAL,
        "method": _TEXT,
        "cliffs_delta": _NUMBER_OR_NONE,
        "detectable": _NUMBER_OR_NONE,
        "bootstrap_interval": nullable(_INTERVAL),
    }
)
_COMPARED = closed(
    {
        "name": {"type": "string"},
        "bounds": _INTERVAL,
        "is_inside": {"type": ["boolean", "null"]},
        "why": _TEXT,
        "estimate": nullable(_ESTIMATE),
        "runs": {"type": "array", "items": _TEXT},
        "runs_needed": {"type": ["integer", "null"]},
    }
)
_VERDICT = closed(
    {
        "claim": _TEXT,
        "experiment": _TEXT,
        "statement": _TEXT,
        "source": _TEXT,
        "measure": {"enum": list(MEASURES)},
        "figure": {"type": ["string", "null"]},
        "published": {"type": ["number", "object", "string", "null"]},
        "figure_source": {"type": ["string", "null"]},
        "tolerance": _NUMBER_OR_NONE,
        "smallest_number_of_runs": {"type": "integer", "minimum": 2},
        "confidence": {"type": "number"},
        "where": {"type": "object"},
        "stack": {"type": "string"},
        "replica": nullable(closed({"memory_scale": {"type": "number"}, "rate_scale": {"type": "number"}})),
        "verdict": {"enum": list(VERDICTS)},
        "why": _TEXT,
        "comparisons": {"type": "array", "items": _COMPARED, "minItems": 1},
    }
)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Verdicts of a campaign on published claims",
    **closed(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "campaign": _TEXT,
            "recorded_runs": _COUNT,
            "valid_runs": _COUNT,
            "counts": closed({verdict: _COUNT for verdict in VERDICTS}),
            "verdicts": {"type": "array", "items": _VERDICT},
        }
    ),
}


def verdicts_of(records: Sequence[Record], around: Surroundings) -> list[Verdict]:
    """Return the verdicts on the claims of a campaign.

    Raises ScenarioError for a published figure that belongs to no claim of its experiment, or for a definition that
    this collection cannot read.
    """
    asked, figures = around.definition, around.published_figures
    if not asked.get("claims"):
        return []
    definition = Definition.from_dict({key: value for key, value in asked.items() if key not in _BESIDE})
    claims = list(definition.claims)
    for experiment in sorted({claim.experiment for claim in claims} & set(figures)):
        claims = with_figures(claims, figures[experiment])
    plan = plan_of(definition, asked.get("site") or {}, asked.get("left_out") or ())
    return judge(claims, definition, plan, records)


def verdicts_text(campaign: str, verdicts: Sequence[Verdict], records: Sequence[Record]) -> str:
    """Return the file's text."""
    valid = sum(bool(record["valid"]) for record in records)
    return file_text(campaign, [_to_dict(verdict) for verdict in verdicts], len(records), valid)


def file_text(campaign: str, verdicts: Sequence[Mapping[str, Any]], recorded_runs: int, valid_runs: int) -> str:
    """Return the text of a file with verdicts as it holds them."""
    found = {
        "schema_version": SCHEMA_VERSION,
        "campaign": campaign,
        "recorded_runs": recorded_runs,
        "valid_runs": valid_runs,
        "counts": counts([verdict["verdict"] for verdict in verdicts]),
        "verdicts": list(verdicts),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def counts(words: Sequence[str]) -> dict[str, int]:
    """Return how often each verdict was given."""
    return {verdict: words.count(verdict) for verdict in VERDICTS}


def _to_dict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "claim": claim.id,
        "experiment": claim.experiment,
        "statement": claim.statement,
        "source": claim.source,
        "measure": claim.measure,
        "figure": claim.figure,
        "published": UNKNOWN if claim.is_lost else claim.published,
        "figure_source": claim.figure_source,
        "tolerance": verdict.tolerance,
        "smallest_number_of_runs": verdict.smallest_number_of_runs,
        "confidence": verdict.confidence,
        "where": dict(verdict.where),
        "stack": verdict.stack,
        "replica": verdict.replica.to_dict() if verdict.replica else None,
        "verdict": verdict.verdict,
        "why": verdict.why,
        "comparisons": [_compared(part) for part in verdict.parts],
    }


def _compared(part: Compared) -> dict[str, Any]:
    return {
        "name": part.name,
        "bounds": [_digits(bound) for bound in part.bounds],
        "is_inside": part.is_inside,
        "why": part.why,
        "estimate": _estimate(part.estimate) if part.estimate else None,
        "runs": list(part.runs),
        "runs_needed": part.runs_needed,
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "centre": _digits(found.centre),
        "interval": [_digits(found.low), _digits(found.high)],
        "method": found.method,
        "cliffs_delta": _digits(found.dominance),
        "detectable": _digits(found.detectable),
        "bootstrap_interval": [_digits(bound) for bound in found.bootstrap] if found.bootstrap else None,
    }


def _digits(value: float | None) -> float | None:
    """Return a figure in six digits, which every machine computes alike; None for no figure and for no bound."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
