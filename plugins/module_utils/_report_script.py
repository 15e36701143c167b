# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the report's page: draws the timeline of a run when it is opened. All text is set as text."""

from __future__ import annotations

SCRIPT = r"""
"use strict";
const SVG = "http://www.w3.org/2000/svg";
// Above the two panels: numbers of the marks, the strip of phases, below it that of the brownout.
const LEFT = 62, RIGHT = 12, MARKS = 14, STRIP = 22, LANE = 15, TOP = 86, HEIGHT = 120, GAP = 30, BOTTOM = 44;

function put(parent, name, attributes, text) {
  const element = parent.appendChild(document.createElementNS(SVG, name));
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}

const seconds = (ms) => (ms / 1000).toFixed(3) + " s";

// A step for about `count` ticks: 1, 2 or 5 times a power of ten.
function tickStep(range, count) {
  const power = 10 ** Math.floor(Math.log10(range / count));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => range / step <= count);
}

// A series is drawn as steps, for each value is a mean over its step.
function stepPath(series, x, y) {
  let path = "";
  series.v.forEach((value, index) => {
    const at = series.t + index * series.step;
    path += (index ? "L" : "M") + x(at) + " " + y(value) + "H" + x(at + series.step);
  });
  return path;
}

function panel(svg, top, title, many, asked, colour, x, width) {
  const all = many.flatMap((series) => series.v).concat(asked || 0);
  const most = Math.max(1, ...all) * 1.05;
  const y = (value) => (top + HEIGHT - HEIGHT * value / most).toFixed(1);
  const step = tickStep(most, 4);
  for (let value = 0; value <= most; value += step) {
    put(svg, "line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) });
    put(svg, "text", { x: LEFT - 6, y: +y(value) + 4, "text-anchor": "end" }, value.toLocaleString("en"));
  }
  if (asked) {
    put(svg, "line", { class: "asked", x1: LEFT, x2: width - RIGHT, y1: y(asked), y2: y(asked), stroke: colour });
  }
  for (const series of many) put(svg, "path", { class: "line", d: stepPath(series, x, y), stroke: colour });
  put(svg, "text", { x: LEFT, y: top - 8, style: "font-weight:600" }, title);
}

// The phases one after the other, the brownout below them, and the begin of each pass as a tick.
function strip(svg, data, x) {
  for (const [name, begin, end] of data.phases) {
    const left = +x(begin), long = Math.max(1, x(end) - left);
    const y = STRIP + (name === "brownout" ? LANE + 2 : 0);
    const box = put(svg, "rect", { class: name, x: left, y, width: long, height: LANE });
    put(box, "title", {}, name + ", " + seconds(end - begin));
    if (name !== "blackout" && long > 7 * name.length + 4) put(svg, "text", { x: left + 4, y: y + 11.5 }, name);
  }
  for (const ms of data.passes) {
    put(svg, "line", { class: "pass", x1: x(ms), x2: x(ms), y1: STRIP + LANE - 4, y2: STRIP + LANE });
  }
}

function numbers(svg, data, x, height) {
  let edge = 0;
  data.marks.forEach(([, ms], index) => {
    put(svg, "line", { class: "mark", x1: x(ms), x2: x(ms), y1: STRIP, y2: height - BOTTOM });
    edge = Math.max(+x(ms), edge + 10);
    put(svg, "text", { x: edge, y: MARKS, "text-anchor": "middle" }, index + 1);
  });
}

function legend(details, data) {
  const marks = data.marks.map(([name, ms], index) => `${index + 1} ${name} (${seconds(ms)})`);
  const phases = data.phases.map(([name, begin, end]) => `${name} ${seconds(end - begin)}`);
  const notes = ["dotted: payload rate of the link, rate asked of the guest"];
  if (data.blackout) notes.unshift("band: the guest stands still");
  if (data.passes.length) notes.unshift(`ticks: begin of each of ${data.passes.length} passes`);
  for (const list of [marks, phases, notes]) {
    if (!list.length) continue;
    const words = details.appendChild(document.createElement("p"));
    words.className = "dim";
    words.textContent = list.join("; ") + ".";
  }
}

function draw(details) {
  const data = JSON.parse(details.querySelector("script").textContent);
  const width = Math.max(340, Math.min(1100, details.clientWidth - 26));
  const ends = [data.link, ...data.guest].filter(Boolean).map((series) => series.t + series.step * series.v.length);
  const first = Math.min(data.link ? data.link.t : 0, 0), last = Math.max(data.end, ...ends);
  const x = (ms) => (LEFT + (width - LEFT - RIGHT) * (ms - first) / (last - first)).toFixed(1);
  const second = TOP + HEIGHT + GAP, height = second + HEIGHT + BOTTOM;
  const svg = put(details, "svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "img" });
  put(svg, "title", {}, "Phases, link throughput and guest rate: " + details.querySelector("summary").innerText);
  if (data.blackout) {
    const [stop, resume] = data.blackout;
    const long = Math.max(1, x(resume) - x(stop));
    put(svg, "rect", { class: "band", x: x(stop), y: TOP, width: long, height: height - BOTTOM - TOP });
  }
  const { payload, asked } = details.dataset;
  strip(svg, data, x);
  panel(svg, TOP, "Link, Mbit/s sent", data.link ? [data.link] : [], +payload, "var(--series-1)", x, width);
  panel(svg, second, "Guest, MiB/s written", data.guest, +asked, "var(--series-2)", x, width);
  const step = tickStep(last - first, width < 600 ? 5 : 10);
  for (let ms = Math.ceil(first / step) * step; ms <= last; ms += step) {
    put(svg, "text", { x: x(ms), y: height - BOTTOM + 18, "text-anchor": "middle" }, +(ms / 1000).toFixed(3));
  }
  const axis = "seconds since the migration was asked for";
  put(svg, "text", { x: width - RIGHT, y: height - 8, "text-anchor": "end" }, axis);
  numbers(svg, data, x, height);
  legend(details, data);
}

function drawOnce(details) {
  if (!details.querySelector(".timeline")) draw(details);
}

// "toggle" does not bubble, but is captured.
document.addEventListener("toggle", (event) => {
  const details = event.target;
  if (details.matches("details.run[open]")) drawOnce(details);
}, true);
document.querySelectorAll("details.run[open]").forEach(drawOnce);

// Sections get their height only as they come near the screen, which may push the target away again.
function goTo(target, frames) {
  target.scrollIntoView();
  if (frames) requestAnimationFrame(() => goTo(target, frames - 1));
}

// A link to a run opens it, and the cell it lies in.
function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let drawer = target.closest("details"); drawer; drawer = drawer.parentElement.closest("details")) {
    drawer.open = true;
    drawer.hidden = false;
  }
  goTo(target, 20);
}
window.addEventListener("hashchange", openTarget);
openTarget();

// On paper nothing can be opened.
const closed = () => [...document.querySelectorAll("details.prints:not([open])")];
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = closed();
  for (const details of opened) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
"""
