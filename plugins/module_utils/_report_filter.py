# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the report's page by which a reader finds the way in thousands of runs: which cells have which settings.

A cell is told by its place among all cells; the rows of tables and figures, and drawers of runs, have that place too.
"""

from __future__ import annotations

import json
from typing import Any, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Cell, flat
from ansible_collections.stsm.live_migration.plugins.module_utils._nesting import in_words
from ansible_collections.stsm.live_migration.plugins.module_utils._report_draw import Drawing
from ansible_collections.stsm.live_migration.plugins.module_utils._words import number

# Settings that name or measure and so are no axis; the dirty rate is offered as a share of the link.
_NO_AXES = (
    "guest.name",
    "guest.accelerator",
    "link.payload_mbit_per_second",
    "repetition",
    "workload.dirty_rate_mib_per_second",
)

SCRIPT = r"""
const axes = JSON.parse(document.getElementById("axes").textContent);
const form = document.getElementById("filter");
const places = (selector) => document.querySelectorAll(selector);

// A figure of many is text until it is near the screen: a browser takes seconds for all of them.
function show(figure) {
  const text = figure.querySelector("script.later");
  if (!text) return;
  text.insertAdjacentHTML("afterend", text.textContent);
  text.remove();
  dim(figure);
}
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) show(entry.target);
}, { rootMargin: "400px" });
for (const text of places("script.later")) near.observe(text.closest("figure"));

const chosen = () => [...form.querySelectorAll("select[data-axis]")].filter((select) => select.value !== "");
const wanted = (cell) => chosen().every((select) => axes.values[select.dataset.axis][cell] === +select.value);

function dim(figure) {
  const first = +figure.dataset.first;
  for (const part of figure.querySelectorAll("[id*='-row-']")) {
    part.classList.toggle("dimmed", !wanted(first + +part.id.match(/-row-(\d+)-/)[1]));
  }
}

function filter() {
  const kind = form.elements.runs.value;
  const fits = (run) => !kind || run.dataset.outcome === kind || run.dataset.valid === kind;
  let cells = 0, runs = 0;
  for (const place of places("[data-cell]")) place.hidden = !wanted(+place.dataset.cell);
  for (const cell of places("details.cell")) {
    for (const run of cell.querySelectorAll(".run")) run.hidden = !fits(run);
    if (cell.hidden) continue;
    cells += 1;
    runs += cell.querySelectorAll(".run:not([hidden])").length;
  }
  for (const figure of places("figure[data-rows]")) {
    const rows = [...Array(+figure.dataset.rows).keys()];
    figure.hidden = !rows.some((row) => wanted(+figure.dataset.first + row));
    dim(figure);
  }
  form.elements.found.value = `${cells} cells with ${runs} runs`;
}
form.addEventListener("change", filter);
form.addEventListener("reset", () => setTimeout(filter));

// Where each point of a figure lies, in the figure's own units, and which run it is.
const known = new WeakMap();
function points(figure) {
  if (!known.has(figure)) {
    const runs = JSON.parse(figure.querySelector("script.runs").textContent);
    known.set(figure, Object.entries(runs).flatMap(([id, names]) => {
      const path = document.querySelector(`[id="${id}"] path`);
      const starts = path ? [...path.getAttribute("d").matchAll(/M ([-\d.e]+) ([-\d.e]+)/g)] : [];
      return starts.map((start, place) => ({ x: +start[1], y: +start[2], run: names[place], part: path.closest("g") }));
    }));
  }
  return known.get(figure);
}

function nearest(event) {
  const figure = event.target.closest("figure[data-rows]");
  const svg = figure && event.target.closest("svg");
  if (!svg) return null;
  const matrix = svg.getScreenCTM();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  let best = null, least = 9 / matrix.a;
  for (const point of points(figure)) {
    const away = Math.hypot(point.x - at.x, point.y - at.y);
    if (away < least && !point.part.classList.contains("dimmed")) [best, least] = [point, away];
  }
  return best && { svg, run: document.getElementById("run-" + best.run) };
}
document.addEventListener("click", (event) => {
  const point = nearest(event);
  if (point && point.run) location.hash = point.run.id;
});
document.addEventListener("pointermove", (event) => {
  const svg = event.target.closest && event.target.closest("figure[data-rows] svg");
  if (!svg) return;
  const point = nearest(event);
  svg.style.cursor = point ? "pointer" : "";
  const title = svg.querySelector(":scope > title") || put(svg, "title", {}, "");
  title.textContent = point ? point.run.querySelector("summary").textContent.replace(/\s+/g, " ").trim() : "";
});
"""


def axes(found: Sequence[Cell]) -> dict[str, Any]:
    """Return the axes by which cells differ: "names", the "options" of each, and the place of each cell's "values"."""
    settings = [_settings(cell) for cell in found]
    names = [name for name in _ordered(settings) if len({one.get(name) for one in settings}) > 1]
    options = [_sorted({str(one.get(name, "-")) for one in settings}) for name in names]
    values = [[choices.index(str(one.get(name, "-"))) for one in settings] for name, choices in zip(names, options)]
    return {"names": names, "options": options, "values": values}


def axes_json(known: dict[str, Any]) -> str:
    """Return what the script needs of the axes, fit for a script element."""
    return _fit(json.dumps({"values": known["values"]}, separators=(",", ":")))


def runs_json(drawing: Drawing) -> str:
    """Return the runs behind a figure's points by the ids that these have in the page, fit for a script element."""
    named = {f"{drawing.name}-{place}": runs for place, runs in drawing.runs.items() if runs}
    return _fit(json.dumps(named, separators=(",", ":")))


def _fit(text: str) -> str:
    """Return JSON in which no end of a script element can be."""
    return text.replace("<", "\\u003c")


def _settings(cell: Cell) -> dict[str, str]:
    """Return what may tell a cell from others, as people write it."""
    share, ran_on = cell.scenario.dirty_rate_of_link, in_words(cell.accelerators)
    found = {"strategy": cell.scenario.strategy.name, "dirty rate, x link": "-" if share is None else number(share)}
    for key, value in flat(cell.scenario.to_dict()).items():
        if key not in (*_NO_AXES, "strategy.name") and value is not None:
            found[key] = f"{value:g}" if isinstance(value, float) else str(value)
    return {**found, "accelerator": ran_on, "stack": cell.stack}


def _ordered(settings: Sequence[dict[str, str]]) -> list[str]:
    """Return the names of all settings in the order in which they were first seen."""
    return list(dict.fromkeys(name for one in settings for name in one))


def _sorted(options: set[str]) -> list[str]:
    """Return options in the order of their size, or of the alphabet."""
    try:
        return sorted(options, key=float)
    except ValueError:
        return sorted(options)
