# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page holds all it needs, names every run, and never executes what a record says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _report_draw, _report_html, _statistics
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings, surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._report_html import figures, page
from ansible_collections.stsm.live_migration.plugins.module_utils._report_runs import gather
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign, damage, record

CAMPAIGN = campaign()
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> $x_1$ & {{ 7 * 7 }}"


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def light(tmp_path: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records as the module reads them for the page."""
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(built) + "\n" for built in records))
    return gather(path)


def written(tmp_path: Path, records: list[dict[str, Any]], around: Surroundings | None = None) -> str:
    """The page of some records, with its figures."""
    kept = light(tmp_path, records)
    text = page(kept, figures(kept), around)
    assert text is not None
    return text


def test_the_page_asks_for_nothing_outside_itself(tmp_path: Path) -> None:
    text = written(tmp_path, CAMPAIGN)
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {SVG_NAMESPACE}
    elements = Elements(text)
    for tag, attributes in elements.tags:
        assert tag not in ("link", "img", "iframe", "object", "image"), tag
        assert "src" not in attributes
        assert not (attributes.get("href") or "#").partition("#")[0], attributes
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    assert len(text) < 5_000_000


def test_every_run_is_there_with_its_timeline(tmp_path: Path) -> None:
    text = written(tmp_path, CAMPAIGN)
    runs = re.findall(
        r'<details id="run-(\S+)" class="run".*?<script type="application/json">(.*?)</script>', text, re.S
    )
    assert sorted(identity for identity, _data in runs) == sorted(built["run_id"] for built in CAMPAIGN)
    for _identity, data in runs:
        assert set(json.loads(data)) == {"link", "guest", "phases", "passes", "marks", "blackout", "end"}
        assert len(data) < 6_000


def test_ids_are_unique_and_links_lead_somewhere(tmp_path: Path) -> None:
    elements = Elements(written(tmp_path, CAMPAIGN))
    ids = [attributes["id"] for _tag, attributes in elements.tags if "id" in attributes]
    assert sorted(ids, key=str) == sorted(set(ids), key=str)
    links = {attributes["href"] for tag, attributes in elements.tags if tag in ("a", "use")}
    assert {f"#{identity}" for identity in ids} >= links


def test_what_is_left_out_is_named_with_its_reasons(tmp_path: Path) -> None:
    invalid, failed = record(), record("post-copy")
    invalid["valid"] = False
    invalid["validators"][0].update(passed=False, sentence="A page was stale.")
    failed.update(outcome="failed", reason="The link went down.")
    text = written(tmp_path, [invalid, failed, record("pre-copy", 1.6)])
    part = text[text.index('id="left-out"') : text.index('id="runs"')]
    assert "A page was stale." in part
    assert "The link went down." in part
    assert "had not ended at its time limit" in part
    assert "1 of 3 runs are not valid" in text


def test_accelerator_and_concessions_are_in_plain_sight(tmp_path: Path) -> None:
    text = written(tmp_path, [record()])
    notices = text[text.index('class="notices"') : text.index('id="findings"')]
    assert "accelerator tcg" in notices
    assert "libvirt-without-namespaces" in notices


def test_hosts_that_are_virtual_machines_are_in_plain_sight(tmp_path: Path) -> None:
    built = record()
    for facts in built["hosts"].values():
        facts["virtualization"] = "kvm"
    text = written(tmp_path, [built])
    assert "guests on tcg (nested in kvm)" in text[text.index("<header>") : text.index("</header>")]
    assert text.count("Guests ran on tcg nested in kvm: times are not those of hardware.") == 1
    assert text.index("times are not those of hardware") < text.index('id="findings"')


def test_a_damaged_memory_is_in_plain_sight(tmp_path: Path) -> None:
    damaged, sound = written(tmp_path, [record(), damage(record())]), written(tmp_path, [record()])
    words = "In 1 of 2 runs the migration damaged the guest"
    assert words in damaged[: damaged.index('id="findings"')]
    assert "damaged the guest" not in sound


def test_the_calibration_is_shown_with_its_uncertainties(tmp_path: Path) -> None:
    built = record()
    seen = {"value_ms": 50.5, "uncertainty_ms": 0.25}
    point = {"pause_ms": 50, "truth_ms": [50.1, 51], "events": seen, "guest": seen, "network": None}
    built["calibration"] = [{**point, "within": {"events": True, "guest": True, "network": False}}]
    text = written(tmp_path, [built])
    assert "50.5 ± 0.25" in text
    assert "not network" in text


def test_text_of_a_record_is_never_markup(tmp_path: Path) -> None:
    other, built = record(), record()
    built["scenario"]["guest"]["name"] = "guest"
    built["campaign"] = built["reason"] = HOSTILE
    built["outcome"], built["valid"] = "failed", False
    built["validators"][0].update(passed=False, sentence=HOSTILE)
    built["cell_key"] = "0" * 64
    for facts in built["hosts"].values():
        facts.update(name=HOSTILE, kernel=HOSTILE, concessions=[HOSTILE], qemu_version=HOSTILE)
    elements = Elements(text := written(tmp_path, [other, built]))
    assert not elements.named("img")
    assert [script.get("type") for script in elements.named("script")].count(None) == 1
    assert HOSTILE not in text
    assert "49" not in re.findall(r"\$x_1\$ &amp; (.{3})", text)
    assert text.count("&lt;img src=x") >= 5


def test_a_record_cannot_end_the_data_of_its_timeline(tmp_path: Path) -> None:
    kept = light(tmp_path, [record()])
    kept[0]["timeline"] = json.dumps({"marks": [[HOSTILE, 1]]})
    text = page(kept, [])
    assert text is not None
    assert "</script><script>alert" not in text


def test_a_campaign_without_runs_has_a_page(tmp_path: Path) -> None:
    text = written(tmp_path, [])
    assert "There are no runs yet." in text
    assert "<figure>" not in text


def test_a_campaign_of_one_run_that_lost_its_guest_has_a_page(tmp_path: Path) -> None:
    built = record()
    built["summary"] = dict.fromkeys(built["summary"])
    raw = built["raw"]
    raw.update(events=[], echoes=[], job_series=[], completed=None, guest_location="none")
    raw["network"] = {"source": [], "destination": []}
    raw["guest"] = {"warm_up": None, "window": None, "verified": None}
    built.update(outcome="lost", reason="The guest runs on neither host.", valid=False, calibration=[])
    text = written(tmp_path, [built])
    assert built["run_id"] in text
    assert "The guest runs on neither host." in text
    assert "The runs hold no calibration." in text


def test_only_six_runs_have_an_interval(tmp_path: Path) -> None:
    few = written(tmp_path, [record(repetition=number, total_time_ms=4_000 + number) for number in range(1, 6)])
    assert "a 95 % interval needs six runs" in few
    many = written(tmp_path, [record(repetition=number, total_time_ms=4_000 + number) for number in range(1, 7)])
    assert "the 95 % interval of the median" in many


def test_without_packages_the_rest_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = light(tmp_path, CAMPAIGN)
    monkeypatch.setattr(_report_draw, "matplotlib", None)
    monkeypatch.setattr(_statistics, "stats", None)
    assert _report_html.missing_packages() == ["matplotlib", "scipy"]
    assert set(_report_html.missing_packages()) < set(_report_html.LACKS)
    assert figures(kept) == []
    text = page(kept, [])
    assert text is not None and "<figure>" not in text
    assert CAMPAIGN[0]["run_id"] in text
    assert "an interval needs scipy, which is not installed" in text
    monkeypatch.setattr(_report_html, "jinja2", None)
    assert page(kept, []) is None


def test_the_same_records_give_the_same_page(tmp_path: Path) -> None:
    assert written(tmp_path, CAMPAIGN) == written(tmp_path, CAMPAIGN)


def section(text: str, name: str, until: str) -> str:
    """One section of the page."""
    return text[text.index(f'id="{name}"') : text.index(f'id="{until}"')]


def test_model_and_vantage_points_stand_beside_the_data(tmp_path: Path) -> None:
    text = written(tmp_path, CAMPAIGN)
    model = section(text, "model", "left-out")
    assert "does not end" in model
    assert "the geometric form is valid" in model
    vantage = section(text, "vantage", "calibration")
    assert "82 ± 0.257" in vantage
    assert "network beyond guest" in vantage


def test_what_the_instruments_of_2014_would_have_told_stands_beside(tmp_path: Path) -> None:
    old = section(written(tmp_path, CAMPAIGN), "as-icclab-measured", "calibration")
    assert "ping 100 ms" in old
    assert "0 to 100" in old
    assert "0 to 200" in old


def test_runs_left_out_for_the_same_reason_share_a_line(tmp_path: Path) -> None:
    text = section(written(tmp_path, CAMPAIGN), "left-out", "runs")
    assert "pre-copy 1.6x: 2 not converged" in text
    assert text.count("had not ended at its time limit") == 1
    assert text.count('href="#run-') == 2


def test_company_is_told(tmp_path: Path) -> None:
    built = record()
    built["scenario"].update(guests=2, background={"cpu_percent": 50.0, "link_mbit_per_second": 0.0})
    text = written(tmp_path, [built])
    assert "Guests moved 2 at once" in text
    assert "Other load beside the migrations took 50 % of the processors and 0 Mbit/s of the link." in text
    assert "guest 1 of 2" in text


DEFINITION = {
    "title": "Two strategies",
    "axes": {"strategy": ["pre-copy", "hybrid"], "dirty_rate_of_link": [0.25, 1.6]},
    "exclude": [{"strategy": "pre-copy", "dirty_rate_of_link": 1.6}],
    "seed": 7,
    "verdict": {"tolerance": 0.1, "smallest_number_of_runs": 6, "confidence": 0.95},
    "budget_minutes": None,
}
SESSION = {
    "runs": 8,
    "wall_seconds": 100.0,
    "migration_seconds": 60.0,
    "warm_up_seconds": 16.0,
    "overhead_seconds": 24.0,
    "stages": {"prepare": 14.0, "cool_down": 8.0, "other": 2.0},
}


def test_the_campaign_is_told_as_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "campaign.yml").write_text(json.dumps(DEFINITION))
    (tmp_path / "sessions.jsonl").write_text(f"{json.dumps(SESSION)}\n{json.dumps(SESSION)}\n")
    text = section(written(tmp_path, CAMPAIGN, surroundings(tmp_path)), "campaign", "provenance")
    assert "<dt>axes.dirty_rate_of_link</dt><dd>0.25, 1.6</dd>" in text
    assert "strategy pre-copy and dirty_rate_of_link 1.6" in text
    assert "<dt>smallest number of runs</dt><dd>6</dd>" in text
    assert "budget" not in text
    assert "16 runs in 2 sessions took 200 s: 120 s of migrations, 32 s of warm-up, and 48 s (24%) of harness." in text
    assert text.index("<td>prepare</td><td>28.0</td>") < text.index("<td>cool down</td><td>16.0</td>")


def test_what_is_damaged_beside_the_records_is_said_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "campaign.yml").write_text("title: [")
    (tmp_path / "sessions.jsonl").write_text(f'{json.dumps(SESSION)}\n{{"runs": 4')
    said: list[str] = []
    found = surroundings(tmp_path, said.append)
    assert not found.definition and len(found.sessions) == 1
    assert len(said) == 2 and "campaign.yml is not as a campaign wrote it" in said[0]
    assert surroundings(tmp_path / "none") == Surroundings({}, [])


def test_everything_can_be_reached_by_keyboard(tmp_path: Path) -> None:
    elements = Elements(text := written(tmp_path, CAMPAIGN))
    assert text.count("<details") == text.count("<summary>")
    for attributes in elements.named("div"):
        if "scroll" in (attributes.get("class") or ""):
            assert attributes["tabindex"] == "0" and attributes["role"] == "region" and attributes["aria-label"]
    assert ":focus-visible" in text and "outline: none" not in text
    for svg in elements.named("svg"):
        assert svg["role"] == "img" and svg["aria-label"]
