# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The package relay: what it serves, keeps and refuses; apt's downloader is a script that copies."""

from __future__ import annotations

import importlib.util
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[5] / "roles/virtual_hosts/files/package_relay.py"
FETCHER = """#!/bin/sh
echo "$2" >> "{log}"
path="{upstream}/${{2#up:}}"
test -f "$path" || {{ echo "E: Failed to fetch $2  404  Not Found" >&2; exit 100; }}
cp -p "$path" "$3"
"""


@pytest.fixture
def relay() -> ModuleType:
    specification = importlib.util.spec_from_file_location("package_relay", PROGRAM)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def upstream(relay: ModuleType, tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    (folder / "pool").mkdir(parents=True)
    (folder / "dists").mkdir()
    (folder / "pool/a_1.0+b~1.deb").write_text("package")
    (folder / "dists/InRelease").write_text("index")
    fetcher = tmp_path / "fetcher"
    fetcher.write_text(FETCHER.format(log=tmp_path / "log", upstream=folder))
    fetcher.chmod(0o755)
    relay.FETCHER = str(fetcher)
    return folder


@pytest.fixture(params=["127.0.0.1", "::1"])
def address(request: pytest.FixtureRequest, relay: ModuleType, upstream: Path, tmp_path: Path) -> Iterator[str]:
    host = request.param
    try:
        server = relay.Server(host, 0, relay.Store(tmp_path / "cache", {"debian": "up:"}))
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
        server.shutdown()


def fetched(tmp_path: Path) -> int:
    return len((tmp_path / "log").read_text().splitlines())


def get(url: str, **headers: str) -> tuple[str, str]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Last-Modified"]


def test_a_package_is_fetched_once_and_kept(address: str, tmp_path: Path) -> None:
    for _request in range(3):
        assert get(f"{address}/debian/pool/a_1.0+b~1.deb")[0] == "package"
    assert fetched(tmp_path) == 1


def test_an_index_is_asked_for_again_when_it_is_old(relay: ModuleType, address: str, tmp_path: Path) -> None:
    get(f"{address}/debian/dists/InRelease")
    get(f"{address}/debian/dists/InRelease")
    assert fetched(tmp_path) == 1
    relay.INDEX_LIFETIME_SECONDS = 0
    get(f"{address}/debian/dists/InRelease")
    assert fetched(tmp_path) == 2


def test_what_the_client_has_is_not_sent_again(address: str) -> None:
    modified = get(f"{address}/debian/dists/InRelease")[1]
    with pytest.raises(urllib.error.HTTPError, match="304"):
        get(f"{address}/debian/dists/InRelease", If_Modified_Since=modified)


@pytest.mark.parametrize(
    "path",
    [
        "/debian/pool/none.deb",
        "/other/pool/a_1.0+b~1.deb",
        "/debian/../upstream/pool/a_1.0+b~1.deb",
        "/debian/pool/../../x",
        "/debian/",
        "/",
        "/debian/pool/.hidden",
    ],
)
def test_what_no_archive_has_is_not_found(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(address + path)
    assert refused.value.code == 404


def test_an_archive_in_trouble_is_a_bad_gateway(relay: ModuleType, address: str) -> None:
    relay.FETCHER = "/bin/false"
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{address}/debian/pool/a_1.0+b~1.deb")
    assert refused.value.code == 502
