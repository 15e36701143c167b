# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page as a Jinja2 template; a collection ships nothing but Python beside its modules."""

from __future__ import annotations

# Where the section of the verdicts goes, which has a template of its own.
VERDICTS_PLACE = "{# verdicts #}"

TEMPLATE = r"""
{%- macro told(text) -%}
{% set centre, opened, around = text.partition(" (") %}
{{ centre }}{% if opened %} <small>({{ around }}</small>{% endif %}
{%- endmacro %}
{%- macro table(name, rows, cells=none) %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ name }}">
<table>
<thead><tr>{% for entry in rows[0] %}<th scope="col">{{ entry }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows[1:] %}
<tr{% if cells is not none %} data-cell="{{ cells[loop.index0] }}"{% endif %}>
{% for entry in row %}
<td{% if entry | length > 60 %} class="long"{% endif %}>{{ told(entry) }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endmacro %}
{%- macro pairs(rows) %}
<dl>
{% for key, value in rows %}
<div><dt>{{ key }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
{% endmacro -%}
<!DOCTYPE html>
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
<a class="skip" href="#findings">To the findings</a>
<header>
<h1>Live migrations: {{ campaign }}</h1>
{% if around.title %}
<p>{{ around.title }}</p>
{% endif %}
<p>{{ runs_count }} runs, {{ valid_count }} of them valid
{%- if period %}, from {{ period[0] | replace("T", " ") | replace("Z", "") }} to
{{ period[1] | replace("T", " ") | replace("Z", "") }} UTC{% endif %}
{%- for stack in stacks %}; {{ stack }}{% endfor %}
{%- if ran_on %}; guests on {{ ran_on }}{% endif %}.</p>
<nav aria-label="Contents">
{% for anchor, title in contents %}
<a href="#{{ anchor }}">{{ title }}</a>
{% endfor %}
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

{# verdicts #}
<form id="filter" aria-label="Which cells and runs to show">
{% for name in axes.names %}
{% set axis = loop.index0 %}
<label>{{ name }}
<select data-axis="{{ axis }}"><option value="">all</option>
{% for option in axes.options[axis] %}
<option value="{{ loop.index0 }}">{{ option }}</option>
{% endfor %}
</select></label>
{% endfor %}
<label>runs
<select name="runs"><option value="">all</option>
<option value="true">valid</option><option value="false">not valid</option>
{% for outcome in outcomes %}
<option value="{{ outcome }}">{{ outcome | replace("_", " ") }}</option>
{% endfor %}
</select></label>
<button type="reset">Show all</button>
<output name="found">{{ rows | length - 1 }} cells with {{ runs_count }} runs</output>
</form>

<section id="findings">
<h2>What was found</h2>
<ul class="findings">
{% for sentence in headlines %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
<details class="prints">
<summary>What each strategy cost, in words</summary>
<ul class="findings">
{% for sentence in sentences if sentence not in headlines and sentence not in notices %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
</details>
</section>

<section id="cells">
<h2>Each dirty rate and strategy</h2>
<p>Medians of a cell's valid runs; in parentheses {{ spread_words }}. How often the guest moved is a probability, with
Wilson's interval.</p>
{{ table("Table of cells", rows, places) }}
{% if effects %}
<h3>Strategies against each other</h3>
<p>By how much the first strategy of a pair lies above the second: the median of all differences of two runs (Hodges
and Lehmann) with its 95 % interval, and Cliff's delta: 1 where every run of the first lies above every run of the
second, 0 where they are alike. The intervals hold each alone, not all at once.</p>
{% for where, effect in effects %}
<h4>{{ where }}</h4>
{{ table("Effect sizes, " ~ where, effect) }}
{% endfor %}
{% endif %}
</section>

{% if groups %}
<section id="figures">
<h2>Figures</h2>
<p>Each point is a valid run that moved the guest. The upright stroke is the median; the line through it is
the range of the runs, or drawn thick the 95 % interval of the median from six runs on. A diamond is what the model
expects, hollow where the model is not valid. A click on a point leads to its run.</p>
{% for group, figures in groups %}
<h3 id="{{ group.anchor }}">{{ group.title }}</h3>
<div class="figures">
{% for figure in figures %}
<figure data-first="{{ figure.first }}" data-rows="{{ figure.rows }}">
<h4>{{ figure.title }}</h4>
{% if figure.later %}
<script type="image/svg+xml" class="later">{{ figure.svg }}</script>
{% else %}
{{ figure.svg }}
{% endif %}
<figcaption>{{ figure.caption }}</figcaption>
<script type="application/json" class="runs">{{ figure.runs }}</script>
</figure>
{% endfor %}
</div>
{% endfor %}
</section>
{% endif %}

<section id="vantage">
<h2>Vantage points</h2>
{% if vantage %}
<p>The downtime of each cell in milliseconds as both QEMUs' events, the guest's clock and an observer on the guest's
network show it, each with the uncertainty of a single run, and by how much one saw more than the one before it.</p>
{{ table("Table of the vantage points", vantage, completed_places) }}
{% endif %}
{% if old_measures %}
<h3 id="as-icclab-measured">As ICCLab measured</h3>
<p>What the instruments of 2014 would have told of the same runs: the time by the stamps in nova-compute's log, and the
downtime as the number of lost pings times their interval, from the least to the most by when the ping began. Derived
from the log that Nova wrote and from the probes that were sent; no second ping ran.</p>
{{ table("Table of ICCLab's measures", old_measures, completed_places) }}
{% endif %}
<h3 id="calibration">Calibration</h3>
{% if calibration %}
<p>Before the runs the guest was stopped for known times. Each vantage point must agree with the truth within its
uncertainty. All in milliseconds.</p>
{{ table("Table of the calibration", calibration) }}
{% else %}
<p>The runs hold no calibration.</p>
{% endif %}
</section>

{% if quality %}
<section id="quality">
<h2>What it did to the guest</h2>
<p>Page faults after the switch as the destination's QEMU counts them (from 10.1 on), and how long it took until the
guest was back at its speed for good. The equivalent downtime is the pause that would have cost it as much work.</p>
{% for sentence in preempt %}
<p>{{ sentence }}</p>
{% endfor %}
{{ table("Table of what migrations did to the guest", quality, quality_places) }}
</section>
{% endif %}

{% if model %}
<section id="model">
<h2>Models beside the data</h2>
<p>What each cell should take if nothing but bytes, rates and dirtied pages mattered, at the payload rate of its first
run; and whether the cell lies inside the region in which its model is valid. Times before and after the stream and
the length of a switchover are constants, fitted to one machine.</p>
{{ table("Table of the models", model, modelled_places) }}
</section>
{% endif %}

{% if forecast %}
<section id="advice">
<h2>What was advised, and how it came out</h2>
<p>What a plan, and the module advise_info, expect of each cell before the first run, and the strategy that they would
have taken. Nine of ten runs should lie inside. The times beside the bytes are fitted to one machine.</p>
<ul class="findings">
{% for sentence in advice %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
{{ table("Table of the forecasts", forecast, forecast_places) }}
</section>
{% endif %}

{% if comparison %}
<section id="other-site">
<h2>Against another site</h2>
<ul class="findings">
{% for sentence in comparison %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>
<p>Each figure here divided by that there, as the median of all pairs of runs (Hodges and Lehmann), with the interval
by which two one-sided tests of Mann and Whitney decide; of the probability that the guest moves the difference, with
Newcombe's interval. Equivalent is what was shown to lie within the tolerance, different what was shown to lie
beyond it; that no difference was found proves nothing.</p>
{{ table("Table of the cells of both sites", compared_cells) }}
{% if drift %}
<h3>In what the sites differ</h3>
{{ table("Table of the facts in which the sites differ", drift) }}
{% endif %}
</section>
{% endif %}

<section id="left-out">
<h2>Invalid, failed and not converged runs</h2>
{% if left_out %}
<ul class="left-out">
{% for entry in left_out %}
<li data-cell="{{ entry.cell }}"><b>{{ entry.name }}: {{ entry.runs | length }} {{ entry.outcome }}
{%- if not entry.valid %}, not valid{% endif %}</b>.
{% if entry.reasons %}
{{ entry.reasons | join(" ") }}
Repetition {% for id, name, reasons in entry.runs %}
<a href="#run-{{ id }}">{{ name }}</a>{{ "." if loop.last else ", " }}
{% endfor %}
{% else %}
<ul>
{% for id, name, reasons in entry.runs %}
<li><a href="#run-{{ id }}">Repetition {{ name }}</a>: {{ reasons | join(" ") }}</li>
{% endfor %}
</ul>
{% endif %}</li>
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
<p class="on-paper">The timelines are in the file, one to open for each run.</p>
{% for name, runs in run_groups %}
<details class="cell" data-cell="{{ loop.index0 }}"{% if runs_count <= most_open %} open{% endif %}>
<summary>{{ name }} <span class="dim">{{ runs | length }} run{{ "" if runs | length == 1 else "s" }}</span></summary>
{% for run in runs %}
<details id="run-{{ run.id }}" class="run" data-outcome="{{ run.kind }}" data-valid="{{ run.valid | lower }}"
 data-payload="{{ run.payload }}" data-asked="{{ run.asked }}">
<summary><b>{{ run.name }}</b> <span class="{{ 'good' if run.valid else 'bad' }}">{{ run.outcome }}
{%- if not run.valid %}, not valid{% endif %}</span> <span class="dim">{{ run.figures }}</span></summary>
<p class="dim">Run {{ run.id }}, {{ run.started | replace("T", " ") | replace("Z", " UTC") }}, {{ run.way }}</p>
<script type="application/json">{{ run.timeline }}</script>
</details>
{% endfor %}
</details>
{% endfor %}
</section>

{% if around.asked or around.sessions %}
<section id="campaign">
<h2>The campaign</h2>
{% if around.asked %}
<h3>As it was asked for</h3>
{{ pairs(around.asked) }}
{% endif %}
{% if around.left_out %}
<h3 id="not-here">What could not be measured here</h3>
{{ pairs(around.left_out) }}
{% endif %}
{% if around.verdict %}
<h3>How it is to be judged, fixed before the first run</h3>
{{ pairs(around.verdict) }}
{% if around.stopping %}
<p>{{ around.stopping }}</p>
{% endif %}
{% endif %}
{% if around.sessions %}
<h3 id="harness">What the harness took</h3>
<p>{{ around.overhead_sentence }}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of the harness' stages">
<table>
<thead><tr><th scope="col">stage</th><th scope="col">seconds</th><th scope="col">% of wall time</th></tr></thead>
<tbody>
{% for stage, seconds, percent in around.stages %}
<tr><td>{{ stage }}</td><td>{{ "%.1f" | format(seconds) }}</td>
<td class="bar"><span style="width:{{ "%.1f" | format(percent * 0.8) }}%"></span>{{ "%.1f" | format(percent) }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
</section>
{% endif %}

<section id="provenance">
<h2>Provenance</h2>
<h3>Settings of the runs</h3>
{{ pairs(settings) }}
{% for name, facts in hosts %}
<details class="prints">
<summary><b>Host {{ name }}</b></summary>
{{ pairs(facts) }}
</details>
{% endfor %}
</section>
</main>
<script type="application/json" id="axes">{{ axes_json }}</script>
<script>{{ script }}</script>
</body>
</html>
"""
