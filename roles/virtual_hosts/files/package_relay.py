# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""A small HTTP server through which hosts without any route install packages from the machine's own archives.

`/NAME/PATH` is PATH of the archive NAME in the configuration (a JSON file, the only argument). Files are fetched with
apt's own downloader, so whatever the machine's apt is configured with (a proxy, certificates, a mirror list) is
honoured. What can never change is kept for good; indexes are asked for again after a minute. Clients check all
signatures themselves, so nothing here has to be trusted.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FETCHER = "/usr/lib/apt/apt-helper"
INDEX_LIFETIME_SECONDS = 60.0
FETCH_TIMEOUT_SECONDS = 600.0
# Every word of a path in an archive; it neither climbs up nor begins with a dot.
PATH = re.compile(r"/([a-z-]+)((?:/[A-Za-z0-9_+~%:=-][A-Za-z0-9_.+~%:=-]*)+)")
IMMUTABLE = re.compile(r"/by-hash/|^/pool/")


class NotAvailableError(Exception):
    """The archive has no such file (404), or it could not be fetched (502)."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Store:
    """Files of the archives on disk, each fetched by one client at a time while others wait for it."""

    def __init__(self, folder: Path, archives: dict[str, str]) -> None:
        self._folder = folder
        self._archives = archives
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._fetched_at: dict[Path, float] = {}

    def get(self, url_path: str) -> Path:
        """The file on disk for a request's path."""
        match = PATH.fullmatch(url_path)
        if match is None or match.group(1) not in self._archives:
            raise NotAvailableError(HTTPStatus.NOT_FOUND, "no archive has such a path")
        archive, path = match.groups()
        kept = self._folder / archive / path.lstrip("/")
        with self._locks[kept]:
            if not self._is_good(kept, path):
                self._fetch(self._archives[archive] + path, kept)
        return kept

    def _is_good(self, kept: Path, path: str) -> bool:
        if not kept.is_file():
            return False
        age_seconds = time.monotonic() - self._fetched_at.get(kept, float("-inf"))
        return IMMUTABLE.search(path) is not None or age_seconds < INDEX_LIFETIME_SECONDS

    def _fetch(self, uri: str, kept: Path) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f".{kept.name}.part")
        part.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                [FETCHER, "download-file", uri, str(part)],
                capture_output=True,
                text=True,
                timeout=FETCH_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotAvailableError(HTTPStatus.BAD_GATEWAY, "the archive does not answer") from error
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["E: no message"]
            status = HTTPStatus.NOT_FOUND if " 404 " in lines[0] else HTTPStatus.BAD_GATEWAY
            raise NotAvailableError(status, lines[0])
        part.replace(kept)
        self._fetched_at[kept] = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD, whole files only; apt asks again from the beginning if a part is not to be had."""

    protocol_version = "HTTP/1.1"
    server_version = "package-relay"
    sys_version = ""

    def __init__(self, store: Store, *arguments: object) -> None:
        self._store = store
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # noqa: N802 (the base class calls it by this name)
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # noqa: N802
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        try:
            path = self._store.get(self.path)
        except NotAvailableError as error:
            self.log_error("%s: %s", self.path, error)
            self._head(error.status, 0)
            return
        status = path.stat()
        if self._client_has(status.st_mtime):
            self._head(HTTPStatus.NOT_MODIFIED, None)
            return
        with path.open("rb") as content:
            self._head(HTTPStatus.OK, status.st_size, status.st_mtime)
            if with_body:
                shutil.copyfileobj(content, self.wfile, 256 * 1024)

    def _head(self, status: HTTPStatus, length: int | None, modified: float | None = None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if modified is not None:
            self.send_header("Last-Modified", formatdate(modified, usegmt=True))
        self.end_headers()

    def _client_has(self, modified: float) -> bool:
        try:
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
        except (TypeError, ValueError):
            return False
        return int(modified) <= since.timestamp()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Only errors are worth a line."""


class Server(ThreadingHTTPServer):
    """Listens at an IPv4 or an IPv6 address."""

    def __init__(self, address: str, port: int, store: Store) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), partial(Handler, store))


def main() -> None:
    configuration = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    store = Store(Path(configuration["cache_folder"]), configuration["archives"])
    Server(configuration["address"], configuration["port"], store).serve_forever()


if __name__ == "__main__":
    main()
