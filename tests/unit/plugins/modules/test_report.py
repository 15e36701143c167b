# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module report returns exactly what it documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.stsm.live_migration.plugins.module_utils import _record, _report_draw, _statistics
from ansible_collections.stsm.live_migration.plugins.modules import report
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._records import campaign, record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The results of a small campaign."""
    for built in campaign():
        _record.append(tmp_path / "runs.jsonl", [built])
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], folder: Path, check_mode: bool = False) -> dict[str, Any]:
    """The result of the module as Ansible sees it."""
    with patch_module_args({"results": str(folder), "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
        report.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_it_returns_exactly_what_it_documents(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    result = run(capsys, folder)
    assert set(result) - {"invocation", "changed"} == set(yaml.safe_load(report.RETURN))
    assert result["changed"]
    assert (result["runs"], result["valid_runs"]) == (16, 16)
    assert Path(result["summary_csv"]).read_text().count("\n") == 17
    assert any("pre-copy did not converge" in sentence for sentence in result["sentences"])
    assert Path(result["page"]) == folder / "report.html"
    assert {Path(path).name for path in result["figures"]} == {path.name for path in (folder / "figures").iterdir()}


def test_a_second_time_changes_nothing(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    run(capsys, folder)
    assert not run(capsys, folder)["changed"]
    _record.append(folder / "runs.jsonl", [record(repetition=3)])
    assert run(capsys, folder)["changed"]


def test_check_mode_writes_nothing(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    result = run(capsys, folder, check_mode=True)
    assert result["changed"]
    assert [path.name for path in folder.iterdir()] == ["runs.jsonl"]


def test_a_folder_without_records_is_an_error_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = run(capsys, tmp_path)
    assert result["failed"]
    assert result["msg"].startswith(f"There is no {tmp_path}/runs.jsonl: set results")


def test_an_unfinished_last_line_is_a_warning(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    with (folder / "runs.jsonl").open("a") as file:
        file.write('{"schema')
    result = run(capsys, folder)
    assert any("not whole" in str(warning) for warning in result["warnings"])
    assert result["runs"] == 16


def test_without_the_drawing_package_everything_else_is_written(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_report_draw, "matplotlib", None)
    result = run(capsys, folder)
    assert any("matplotlib is missing" in str(warning) for warning in result["warnings"])
    assert result["figures"] == []
    assert Path(result["page"]).exists()
    assert Path(result["summary_csv"]).exists()


def test_without_the_statistics_package_there_are_ranges(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_statistics, "stats", None)
    result = run(capsys, folder)
    missing = "scipy is missing on the observer, so the report lacks its intervals"
    assert any(missing in str(warning) for warning in result["warnings"])
    assert any("an interval needs scipy" in sentence for sentence in result["sentences"])
    assert Path(result["page"]).exists()


def test_what_lies_beside_the_records_is_in_the_page(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "campaign.yml").write_text(json.dumps({"title": "Four strategies", "seed": 12345}))
    (folder / "sessions.jsonl").write_text("nonsense\n")
    result = run(capsys, folder)
    assert any("sessions.jsonl is not as a campaign wrote it" in str(warning) for warning in result["warnings"])
    assert "12345" in Path(result["page"]).read_text()
