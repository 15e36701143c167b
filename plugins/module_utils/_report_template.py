# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page as a Jinja2 template; a collection ships nothing but Python beside its modules."""

from __future__ import annotations

TEMPLATE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Live migrations: {{ campaign }}</title>
<style>{{ style }}</style>
</head>
<body>
<header>
<h1>Live migrations: {{ campaign }}</h1>
<p>{{ runs_count }} runs, {{ valid_count }} of them valid
{%- if period %}, from {{ period[0] | replace("T", " ") | replace("Z", "") }} to
{{ period[1] | replace("T", " ") | replace("Z", "") }} UTC{% endif %}
{%- for stack in stacks %}; {{ stack }}{% endfor %}.</p>
<nav aria-label="Contents">
<a href="#findings">Findings</a>
<a href="#cells">Cells</a>
{% if figures %}
<a href="#figures">Figures</a>
{% endif %}
<a href="#calibration">Calibration</a>
<a href="#left-out">Left out</a>
<a href="#runs">Runs</a>
<a href="#provenance">Provenance</a>
</nav>
</header>
<main>
{% if notices %}
<ul class="notices" aria-label="To know before reading on">
{% for notice in notices %}
<li>{{ notice }}</li>
{% endfor %}
</ul>
{% endif %}

<section id="findings">
<h2>What was found</h2>
<ul class="findings">
{% for sentence in headlines %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
<details>
<summary>What each strategy cost, in words</summary>
<ul class="findings">
{% for sentence in sentences if sentence not in headlines %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
</details>
</section>

<section id="cells">
<h2>Each dirty rate and strategy</h2>
<p>Medians of a cell's valid runs; in parentheses {{ spread_words }}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of cells">
<table>
<thead><tr>{% for entry in heading %}<th scope="col">{{ entry }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>
{% for entry in row %}
{% set centre, opened, around = (entry | replace("_", " ")).partition(" (") %}
<td>{{ centre }}{% if opened %} <small>({{ around }}</small>{% endif %}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
</section>

{% if figures %}
<section id="figures">
<h2>Figures</h2>
<p>Each point is a valid run that moved the guest. The upright stroke is the median; the line through it is
the range of up to five runs, or drawn thick the 95 % interval from six runs on.</p>
<div class="figures">
{% for chart, svg in figures %}
<figure>
<h3>{{ chart.title }}</h3>
{{ svg }}
<figcaption>{{ chart.caption }}</figcaption>
</figure>
{% endfor %}
</div>
</section>
{% endif %}

<section id="calibration">
<h2>Calibration of the vantage points</h2>
{% if calibration %}
<p>Before the runs the guest was stopped for known times. Each vantage point must agree with the truth within its
uncertainty. All in milliseconds.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of the calibration">
<table>
<thead><tr><th scope="col">asked</th><th scope="col">truth</th><th scope="col">events</th><th scope="col">guest</th>
<th scope="col">network</th><th scope="col">agree</th></tr></thead>
<tbody>
{% for row in calibration %}
<tr>{% for entry in row %}<td>{{ entry }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% else %}
<p>The runs hold no calibration.</p>
{% endif %}
</section>

<section id="left-out">
<h2>Invalid, failed and not converged runs</h2>
{% if left_out %}
<ul class="left-out">
{% for entry in left_out %}
<li><a href="#run-{{ entry.run.run_id }}">{{ entry.name }}</a>: <b>{{ entry.run.outcome | replace("_", " ") }}
{%- if not entry.run.valid %}, not valid{% endif %}</b>.
{% for reason in entry.reasons %}{{ reason }} {% endfor %}</li>
{% endfor %}
</ul>
{% else %}
<p>There are none.</p>
{% endif %}
</section>

<section id="runs">
<h2>Each run over time</h2>
<noscript><p>The timelines are drawn when they are opened, which needs JavaScript; the data are in this file and in
runs.jsonl.</p></noscript>
{% for run in runs %}
<details id="run-{{ run.id }}" class="run" data-payload="{{ run.payload }}" data-asked="{{ run.asked }}">
<summary><b>{{ run.name }}</b> <span class="{{ 'good' if run.valid else 'bad' }}">{{ run.outcome }}
{%- if not run.valid %}, not valid{% endif %}</span> <span class="dim">{{ run.figures }}</span></summary>
<p class="dim">Run {{ run.id }}, {{ run.started | replace("T", " ") | replace("Z", " UTC") }}, {{ run.way }}</p>
<script type="application/json">{{ run.timeline }}</script>
</details>
{% endfor %}
</section>

<section id="provenance">
<h2>Provenance</h2>
<h3>Settings</h3>
<dl>
{% for key, value in settings %}
<div><dt>{{ key }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
{% for name, facts in hosts %}
<details>
<summary><b>Host {{ name }}</b></summary>
<dl>
{% for key, value in facts %}
<div><dt>{{ key }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
</details>
{% endfor %}
</section>
</main>
<script>{{ script }}</script>
</body>
</html>
"""
