# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the report's page: light and dark, narrow and wide, on a screen and on paper."""

from __future__ import annotations

STYLE = r"""
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f5f6f8; --ink: #1d2126; --dim: #596270; --faint: #d3d7dd; --link: #0b5cad;
  --notice: #fff4d6; --notice-edge: #b27a00; --good: #1d6b3c; --bad: #b3261e; --band: #00000018;
  --series-1: #0072b2; --series-2: #d55e00; --series-3: #008a63; --model: #aa4499;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --panel: #1e2227; --ink: #e6e8eb; --dim: #a2abb8; --faint: #3b424c; --link: #7db8f7;
    --notice: #332a12; --notice-edge: #d9a53a; --good: #74c995; --bad: #ff8a80; --band: #ffffff26;
    --series-1: #56b4e9; --series-2: #f0883e; --series-3: #2fc99a; --model: #e59bd9;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 1.25rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: .95rem; margin: .9rem 0 .4rem; }
p { margin: .4rem 0; max-width: 48rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: var(--ground); padding: .3rem .6rem; }
header p, .dim, figcaption { color: var(--dim); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-top: .6rem; }
.notices { margin: 1.2rem 0; padding: .7rem 1rem .7rem 2rem; background: var(--notice);
  border-left: 4px solid var(--notice-edge); border-radius: 4px; }
.findings, .left-out { padding-left: 1.2rem; max-width: 56rem; }
.findings li, .left-out > li { margin: .45rem 0; } .left-out { list-style: none; padding-left: 0; }
.left-out ul { padding-left: 1.1rem; }
.scroll { overflow-x: auto; border: 1px solid var(--faint); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .4rem; text-align: left; vertical-align: top; overflow-wrap: normal; }
th { background: var(--panel); font-weight: 600; vertical-align: bottom; }
td small { display: block; color: var(--dim); white-space: nowrap; }
td { border-top: 1px solid var(--faint); white-space: nowrap; }
td.long { white-space: normal; min-width: 17rem; }
.bar { width: 55%; } .bar span { display: inline-block; margin-right: .4rem; border-top: .7em solid var(--series-1); }
#filter { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: end;
  padding: .5rem 0; background: var(--ground); border-bottom: 1px solid var(--faint); font-size: .85rem; }
#filter label { display: flex; flex-direction: column; color: var(--dim); }
#filter select, #filter button { font: inherit; color: var(--ink); background: var(--panel);
  border: 1px solid var(--faint); border-radius: 4px; padding: .15rem .4rem; max-width: 12rem; }
.run, section, figure { scroll-margin-top: 5rem; }
[hidden] { display: none !important; } .dimmed { opacity: .12; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .9rem; background: var(--panel); border-radius: 8px; break-inside: avoid; }
figure h4 { margin-top: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure svg * { stroke-linejoin: round; }
figcaption { font-size: .85rem; margin-top: .4rem; }
details { border: 1px solid var(--faint); border-radius: 6px; margin: .35rem 0; }
section { content-visibility: auto; contain-intrinsic-size: auto 60rem; }
.run { content-visibility: auto; contain-intrinsic-size: auto 2.4rem; }
.cell { padding: 0 .5rem; } .cell > summary { font-weight: 600; padding: .45rem .3rem; }
.cell > summary .dim { font-weight: 400; } .cell > .run { margin: .35rem 0; }
summary { cursor: pointer; padding: .45rem .8rem; }
details > :not(summary) { margin: .3rem .8rem .7rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--dim); }
.verdict > summary > b { margin-right: .4rem; text-transform: uppercase; font-size: .8rem; letter-spacing: .02em; }
.on-paper { display: none; }
details > .timeline { width: calc(100% - 1.6rem); height: auto; font-size: 12px; }
.timeline text { fill: var(--ink); } .timeline .axis { stroke: var(--faint); }
.timeline .line { fill: none; stroke-width: 1.4; } .timeline .mark { stroke: var(--dim); stroke-dasharray: 4 3; }
.timeline .asked { stroke-dasharray: 1 3; } .timeline .band { fill: var(--band); }
.timeline .pass { stroke: var(--ink); }
.timeline .preparation { fill: var(--faint); } .timeline .pre-copy { fill: var(--series-1); fill-opacity: .45; }
.timeline .blackout { fill: var(--ink); } .timeline .post-copy { fill: var(--series-3); fill-opacity: .55; }
.timeline .brownout { fill: var(--series-2); fill-opacity: .55; }
dl { columns: 24rem; font-size: .875rem; }
dl div { break-inside: avoid; padding: .15rem 0; }
dt { color: var(--dim); display: inline; } dd { display: inline; margin: 0; }
dt::after { content: ": "; }
@media (max-width: 36rem) {
  #filter { position: static; }
  body { padding: .8rem; } figure { padding: .5rem; } .cell { padding: 0 .2rem; }
  details > :not(summary) { margin-inline: .3rem; } details > .timeline { width: calc(100% - .6rem); }
}
@media print {
  :root { color-scheme: light;
    --ground: #fff; --panel: #fff; --ink: #000; --dim: #444; --faint: #bbb; --link: #000; --notice: #fff;
    --series-1: #0072b2; --series-2: #d55e00; --series-3: #008a63; --model: #aa4499; --band: #00000018;
    --good: #000; --bad: #000; }
  @page { margin: 14mm 12mm; }
  html { font-size: 9.5pt; } body { max-width: none; padding: 0; }
  nav, .skip, #filter { display: none; } a { text-decoration: none; }
  .scroll { overflow: visible; border: 0; } table { font-size: 6.5pt; } th, td { padding: .2rem .25rem; }
  th, td, td small { white-space: normal; } td.long { min-width: 9rem; } tr { break-inside: avoid; }
  .figures { grid-template-columns: 1fr 1fr; gap: .5rem; } figure { padding: 0; }
  h2, h3, h4 { break-after: avoid; }
  .prints { border: 0; } .prints::details-content { content-visibility: visible; display: block; }
  section, .run { content-visibility: visible; }
  .cell:not([open]) { display: none; } .on-paper { display: block; }
}
"""
