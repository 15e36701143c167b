# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two sites with a known difference, with none, and with too few runs are told as such; so is what sets them apart."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.stsm.live_migration.plugins.module_utils import _equivalence
from ansible_collections.stsm.live_migration.plugins.module_utils._campaign_definition import Verdict
from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Success, cells
from ansible_collections.stsm.live_migration.plugins.module_utils._compared_sites import (
    Comparison,
    compared,
    drift_table,
    json_text,
    sentences,
    table,
)
from ansible_collections.stsm.live_migration.plugins.module_utils._drift import drift
from ansible_collections.stsm.live_migration.plugins.module_utils._equivalence import of_figures, of_probabilities
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._report_campaign import Surroundings
from ansible_collections.stsm.live_migration.plugins.module_utils._scenario import Scenario
from ansible_collections.stsm.live_migration.plugins.module_utils._sites import Site, other_site, pairs
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._bundles import (
    bundle_of,
    edited,
    measured_folder,
)
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import record

ASKED = Verdict(tolerance=0.1, smallest_number_of_runs=6, confidence=0.95)
FIXED = Surroundings({"verdict": {"tolerance": 0.1, "smallest_number_of_runs": 6, "confidence": 0.95}})


def sample(centre: float, runs: int, seed: int, noise: float = 0.02) -> list[float]:
    rng = random.Random(seed)
    return [centre * rng.lognormvariate(0, noise) for _run in range(runs)]


def site(
    factor: float = 1.0, runs: int = 8, seed: int = 1, strategies: tuple[str, ...] = ("hybrid",), **changes: Any
) -> Site:
    """A site whose times and bytes are so many times those of others, with noise; changes go into each scenario."""
    records = []
    for strategy in strategies:
        figures = [sample(centre * factor, runs, seed + place) for place, centre in enumerate((4200, 90, 3.5e8))]
        for repetition, (total, blackout, sent) in enumerate(zip(*figures, strict=True), 1):
            built = record(
                strategy,
                repetition=repetition,
                total_time_ms=total,
                downtime_events_ms=blackout,
                transferred_bytes=sent,
            )
            for path, value in changes.items():
                section, key = path.split("__")
                built["scenario"][section][key] = value
            built["cell_key"] = Scenario.from_dict(built["scenario"]).hash
            records.append(built)
    return Site(records, FIXED)


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {one.pair.cell.scenario.strategy.name: one.verdict for one in comparison.cells}


@pytest.mark.parametrize(
    ("factor", "runs", "noise", "verdict"),
    [
        (1.0, 8, 0.02, "equivalent"),
        (1.03, 8, 0.02, "equivalent"),
        (1.3, 8, 0.02, "different"),
        (0.75, 8, 0.02, "different"),
        (1.1, 8, 0.02, "undecided"),
        (1.0, 6, 0.5, "undecided"),
        (1.0, 5, 0.02, "undecided"),
        (1.3, 5, 0.02, "undecided"),
    ],
)
def test_a_known_ratio_is_judged(factor: float, runs: int, noise: float, verdict: str) -> None:
    found = of_figures(sample(100 * factor, runs, 1, noise), sample(100, runs, 2, noise), ASKED)
    assert found.verdict == verdict
    assert bool(found.why) == (verdict == "undecided")
    if runs >= 6:
        assert found.low is not None
        assert found.centre is not None
        assert found.high is not None
        assert found.low <= found.centre <= found.high


def test_equivalence_is_claimed_falsely_no_more_often_than_was_agreed() -> None:
    """At the very edge of the tolerance, in at most 5 % of all campaigns, with some room for chance."""
    claims = sum(
        of_figures(sample(110, 8, seed, 0.05), sample(100, 8, 10_000 + seed, 0.05), ASKED).verdict == "equivalent"
        for seed in range(400)
    )
    assert claims <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5


def test_one_outlier_does_not_decide() -> None:
    one = sample(100, 12, 1)
    assert of_figures([*one[:-1], 1500.0], sample(100, 12, 2), ASKED).verdict == "equivalent"


def test_a_value_of_nothing_has_no_ratio() -> None:
    found = of_figures([0.0] * 8, [1.0] * 8, ASKED)
    assert (found.verdict, found.centre) == ("undecided", None)


def test_without_scipy_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_equivalence, "missing", lambda: "scipy")
    assert of_figures([1.0] * 8, [1.0] * 8, ASKED).why == "it takes scipy, which is not installed"


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (Success(100, 100, 0.963, 1.0), Success(100, 100, 0.963, 1.0), "equivalent"),
        (Success(8, 8, 0.676, 1.0), Success(8, 8, 0.676, 1.0), "undecided"),
        (Success(0, 8, 0.0, 0.324), Success(8, 8, 0.676, 1.0), "different"),
        (Success(3, 3, 0.44, 1.0), Success(3, 3, 0.44, 1.0), "undecided"),
        (None, Success(8, 8, 0.676, 1.0), "undecided"),
    ],
)
def test_a_known_probability_is_judged(one: Success | None, other: Success | None, verdict: str) -> None:
    assert of_probabilities(one, other, ASKED).verdict == verdict


def test_a_site_that_measures_the_same_is_equivalent() -> None:
    assert verdicts(compared(site(), site(1.02, seed=50))) == {"hybrid": "equivalent"}


def test_a_site_that_measures_something_else_is_different_and_says_in_what() -> None:
    found = compared(site(), site(1.3, seed=50))
    assert verdicts(found) == {"hybrid": "different"}
    assert (
        "1 of 1 cells is different: hybrid at 0.25 times the link (29.8 MiB/s) (total time: 0.7" in sentences(found)[1]
    )


def test_too_few_runs_decide_nothing() -> None:
    found = compared(site(), site(runs=3, seed=50))
    assert verdicts(found) == {"hybrid": "undecided"}
    assert "3 of the 6 runs that it takes" in sentences(found)[1]


def test_cells_of_one_site_alone_are_told() -> None:
    found = compared(site(strategies=("hybrid", "pre-copy")), site(strategies=("hybrid", "post-copy"), seed=50))
    reasons = {one.pair.cell.scenario.strategy.name: one.pair.reason for one in found.cells}
    assert reasons == {"hybrid": "", "pre-copy": "only measured here", "post-copy": "only measured there"}
    assert len(table(found)) == 1 + 3


def test_a_scaled_replica_is_found_and_not_mixed_with_the_real_rate() -> None:
    there = site(seed=50, link__rate_mbit_per_second=100.0, link__payload_mbit_per_second=94.0)
    for built in there.records:
        built["scenario"]["workload"]["dirty_rate_mib_per_second"] /= 10
        built["cell_key"] = "b" * 64
    (pair,) = pairs(site(), there)
    assert "only a scaled replica, with" in pair.reason
    assert "link.rate_mbit_per_second 1,000 here and 100 there" in pair.reason
    assert verdicts(compared(site(), there)) == {"hybrid": "not compared"}


def test_times_of_other_accelerators_are_not_compared() -> None:
    there = site(seed=50, guest__accelerator="kvm")
    (pair,) = pairs(site(), there)
    assert pair.reason.startswith("on tcg")
    assert " here and on kvm" in pair.reason


def test_names_and_measured_rates_make_no_other_cell() -> None:
    there = site(seed=50, guest__name="another", link__payload_mbit_per_second=900.0)
    assert [pair.reason for pair in pairs(site(), there)] == [""]


def test_drift_names_what_differs_and_nothing_else() -> None:
    here, there = site().records, json.loads(json.dumps(site().records))
    for built in there:
        for host in built["hosts"].values():
            host.update(kernel="6.99", concessions=[])
            host.setdefault("nic", {})["driver"] = "mlx5"
    told = {one.fact: (one.here, one.there) for one in drift(here, there) if not one.is_same}
    assert told["kernel"][1] == ["6.99"]
    assert told["NIC driver"][1] == ["mlx5"]
    assert "QEMU" not in told
    assert not [one for one in drift(here, here) if not one.is_same]
    assert drift_table(compared(Site(here), Site(here))) == []


def test_other_programs_can_read_it_and_it_is_always_the_same() -> None:
    text = json_text(compared(site(), site(seed=50)))
    found = json.loads(text)
    assert found["asked"]["tolerance"] == 0.1
    assert [one["verdict"] for one in found["cells"]] == ["equivalent"]
    assert set(found["cells"][0]["figures"]) == {"total time", "blackout", "bytes sent", "moved"}
    assert text == json_text(compared(site(), site(seed=50)))


def test_tolerances_that_differ_or_were_not_fixed_are_told() -> None:
    loose = Surroundings({"verdict": {"tolerance": 0.5, "smallest_number_of_runs": 6, "confidence": 0.95}})
    there = Site(site(seed=50).records, loose)
    assert "The other site had fixed 50%; the one here counts." in sentences(compared(site(), there))
    assert "as nothing was fixed" in sentences(compared(Site(site().records), there))[0]


def test_another_site_is_a_folder_or_a_bundle(tmp_path: Path) -> None:
    folder = measured_folder(tmp_path / "first")
    archive = bundle_of(folder, tmp_path / "first.zip")
    assert len(other_site(folder).records) == len(other_site(archive).records) == 2
    assert other_site(folder).sha256 == other_site(archive).sha256
    assert cells(other_site(archive).records)


def test_an_edited_bundle_is_not_compared_with(tmp_path: Path) -> None:
    archive = bundle_of(measured_folder(tmp_path / "first"), tmp_path / "first.zip")
    edited(archive, lambda files: files.update({"runs.jsonl": b""}), sums=False)
    with pytest.raises(InstrumentError, match="was edited since its checksum was made"):
        other_site(archive)


@pytest.mark.parametrize("name", ["none", "empty"])
def test_what_is_no_site_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InstrumentError, match="set compare to another site's bundle or folder"):
        other_site(tmp_path / name)
