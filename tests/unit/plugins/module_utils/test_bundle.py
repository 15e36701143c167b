# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle is an RO-Crate of all that another site needs, and its bytes follow from the folder."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from importlib import resources
from pathlib import Path

import pytest
import requests
import urllib3
from rocrate_validator import models, services

from ansible_collections.stsm.live_migration.plugins.module_utils import _crate
from ansible_collections.stsm.live_migration.plugins.module_utils._bundle import contents
from ansible_collections.stsm.live_migration.plugins.module_utils._crate import Publication
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.tests.unit.plugins.module_utils._bundles import (
    ABOUT,
    bundle_of,
    measured_folder,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return measured_folder(tmp_path / "first")


@pytest.fixture
def unpacked(folder: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(bundle_of(folder, tmp_path / "first.zip")) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validator asks for the terms of the specification, which the library that writes crates brings along."""
    terms = (resources.files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()

    def send(_adapter: object, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        response = requests.Response()
        found = str(request.url).endswith(f"ro/crate/{_crate.SPECIFICATION}/context")
        response.status_code, body = (200, terms) if found else (404, b"")
        response.request, response.url = request, str(request.url)
        response.headers["Content-Type"] = "application/ld+json"
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), status=response.status_code, preload_content=False)
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)


@pytest.mark.usefixtures("_no_network")
def test_the_validator_of_the_specification_finds_all_that_is_required(unpacked: Path) -> None:
    def issues() -> list[str]:
        found = services.validate(
            services.ValidationSettings(
                rocrate_uri=unpacked,
                profile_identifier=f"ro-crate-{_crate.SPECIFICATION}",
                requirement_severity=models.Severity.REQUIRED,
            )
        )
        return [f"{issue.check.identifier} {issue.message}" for issue in found.get_issues()]

    assert issues() == []
    metadata = unpacked / _crate.METADATA
    metadata.write_text(metadata.read_text().replace('"license"', '"licence"'))
    assert any("license" in issue for issue in issues()), "the validator sees nothing"


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = bundle_of(folder, tmp_path / "first.zip").read_bytes()
    for path in folder.iterdir():
        path.touch()
        path.chmod(0o600)
    assert bundle_of(folder, tmp_path / "second.zip").read_bytes() == first


def test_a_reader_without_the_collection_can_check_it(unpacked: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=unpacked, check=True, capture_output=True)
    listed = (unpacked / "SHA256SUMS").read_text()
    for name in ("runs.jsonl", "summary.csv", "record.schema.json", "environment.json", "ro-crate-metadata.json"):
        assert f"  {name}\n" in listed


def test_it_says_under_which_licence_and_with_what_it_was_made(unpacked: Path) -> None:
    root = _crate.contents((unpacked / _crate.METADATA).read_text())[""]
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert root["author"] == [{"@id": "https://orcid.org/0000-0002-1825-0097"}, {"@id": "#author-2"}]
    assert root["description"].startswith("Two strategies. 2 measured live migrations")
    libraries = json.loads((unpacked / "environment.json").read_text())["libraries"]
    assert all(libraries[name] for name in ("scipy", "matplotlib", "rocrate"))
    hosts = json.loads((unpacked / "provenance.json").read_text())["hosts"]
    assert {(state["source"], state["destination"]) for state in hosts} == {(2, 0), (0, 2)}


@pytest.mark.parametrize("licence", ["https://example.org/terms", "MIT"])
def test_a_licence_is_a_name_or_an_address(licence: str) -> None:
    assert Publication(licence).licence_address.endswith(licence)


def test_what_is_no_licence_is_refused() -> None:
    with pytest.raises(InstrumentError, match="The licence is 'all mine', but must be an SPDX identifier"):
        Publication("all mine").licence_address  # noqa: B018


def test_what_is_no_orcid_is_refused(folder: Path) -> None:
    with pytest.raises(InstrumentError, match="The orcid of Ada is '12', but must be like"):
        contents(folder, Publication(authors=[{"name": "Ada", "orcid": "12"}]))


def test_tables_that_are_not_those_of_the_runs_are_refused(folder: Path) -> None:
    (folder / "summary.csv").write_text("older\n")
    with pytest.raises(InstrumentError, match=r"summary.csv is not what the runs there give: call report first"):
        contents(folder, ABOUT)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"There is no .*runs.jsonl: set results"):
        contents(tmp_path, ABOUT)


def test_a_link_is_refused(folder: Path) -> None:
    (folder / "notes").symlink_to("/etc/hostname")
    with pytest.raises(InstrumentError, match="notes is a link, which another site could not follow"):
        contents(folder, ABOUT)


def test_a_line_that_was_never_finished_is_left_out_and_told(folder: Path) -> None:
    whole = (folder / "runs.jsonl").read_bytes()
    with (folder / "runs.jsonl").open("a") as file:
        file.write('{"schema')
    told: list[str] = []
    assert contents(folder, ABOUT, told.append)["runs.jsonl"] == whole
    assert ["is not whole" in words for words in told] == [True]


def test_what_is_hidden_or_an_archive_stays_at_home(folder: Path) -> None:
    for name in (".secret", "older.zip"):
        (folder / name).write_text("x")
    (folder / "notes.txt").write_text("from the site")
    held = contents(folder, ABOUT)
    assert "notes.txt" in held
    assert not {".secret", "older.zip"} & set(held)


def test_without_its_library_there_is_no_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_crate, "ROCrate", None)
    with pytest.raises(InstrumentError, match="The Python library rocrate is missing on the observer"):
        contents(folder, ABOUT)
