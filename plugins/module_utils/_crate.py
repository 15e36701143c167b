# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describes a campaign's folder as an RO-Crate: what each file is, whose it is, and under which licence.

The same folder gives the same text: the date is that of the last run, and no name is drawn by lot.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._cells import Record
from ansible_collections.stsm.live_migration.plugins.module_utils._errors import InstrumentError
from ansible_collections.stsm.live_migration.plugins.module_utils._version import COLLECTION, HOME, VERSION

try:
    from rocrate.model import ContextEntity  # type: ignore[import-untyped,unused-ignore]
    from rocrate.rocrate import ROCrate  # type: ignore[import-untyped,unused-ignore]
except ImportError:
    ROCrate = None

METADATA = "ro-crate-metadata.json"
# Of the specification; the first one whose terms have a checksum of their own.
SPECIFICATION = "1.3"
DEFAULT_LICENCE = "CC-BY-4.0"

# What a file of a campaign's folder or bundle is, by its name: media type and description.
KINDS: dict[str, tuple[str, str]] = {
    "runs.jsonl": ("application/jsonl", "One record a line for each measured migration, with its raw series"),
    "campaign.yml": ("application/yaml", "What the campaign was asked, as run, and how it is to be judged"),
    "calibration.json": ("application/json", "The vantage points against known pauses"),
    "sessions.jsonl": ("application/jsonl", "What each call of the campaign took"),
    "progress.log": ("text/plain", "What the campaign said while it ran"),
    "summary.csv": ("text/csv", "One line a run, with the units in the names of the columns"),
    "runs.parquet": ("application/vnd.apache.parquet", "The same as summary.csv, with types and descriptions"),
    "findings.txt": ("text/plain", "The table of cells, and what was found in sentences"),
    "published_figures.json": ("application/json", "Published figures that the site knows, with their sources"),
    "verdicts.json": ("application/json", "Which published claims hold, with effect sizes and intervals"),
    "comparison.json": ("application/json", "The campaign against that of another site"),
    "report.html": ("text/html", "The report, one page that opens without a network"),
    "figures/*.svg": ("image/svg+xml", "A figure of the report"),
    "record.schema.json": ("application/schema+json", "The JSON schema of a run record"),
    "provenance.json": ("application/json", "The hosts and builds on which the runs were made"),
    "environment.json": ("application/json", "The versions of the collection and of the libraries of the analysis"),
    "SHA256SUMS": ("text/plain", "The checksum of every other file, as sha256sum checks it"),
}

_ORCID = re.compile(r"(https://orcid\.org/)?\d{4}-\d{4}-\d{4}-\d{3}[\dX]")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


# How the modules that describe a crate ask for it; the documentation fragment _publication says the same.
PUBLICATION_OPTIONS: dict[str, Any] = {
    "authors": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "affiliation": {"type": "str"},
            "name": {"type": "str", "required": True},
            "orcid": {"type": "str"},
        },
    },
    "licence": {"type": "str", "default": DEFAULT_LICENCE},
}


@dataclass(frozen=True)
class Publication:
    """What is said of a campaign when it is given away. licence is an SPDX identifier or an address.

    Authors have a "name" and may have an "affiliation" and an "orcid" (the number or the address).
    """

    licence: str = DEFAULT_LICENCE
    authors: Sequence[Mapping[str, str | None]] = field(default_factory=tuple)

    @property
    def licence_address(self) -> str:
        """Where the licence can be read."""
        if re.match(r"https?://\S+$", self.licence):
            return self.licence
        if not _SPDX.fullmatch(self.licence):
            raise InstrumentError(
                f"The licence is '{self.licence}', but must be an SPDX identifier such as {DEFAULT_LICENCE}, or an"
                " address that begins with https://."
            )
        return f"https://spdx.org/licenses/{self.licence}"


def missing() -> str | None:
    """Return the name of the package without which no crate can be described, if it is missing."""
    return "rocrate" if ROCrate is None else None


def described(files: Mapping[str, tuple[int, str]], records: Sequence[Record], title: str, about: Publication) -> str:
    """Return the crate's metadata as JSON text; files are name to size in bytes and sha256. Needs the package."""
    crate = ROCrate(version=SPECIFICATION)
    days = sorted(record["started_at"] for record in records)
    campaigns = sorted({record["campaign"] for record in records})
    crate.name = f"Live migrations: {', '.join(campaigns) or title or 'without runs'}"
    crate.description = _description(records, title)
    crate.datePublished = days[-1] if days else "1970-01-01T00:00:00Z"
    if days:
        crate.root_dataset["temporalCoverage"] = f"{days[0]}/{days[-1]}"
    address = about.licence_address
    crate.license = crate.add(
        ContextEntity(crate, address, {"@type": "CreativeWork", "name": about.licence, "description": about.licence})
    )
    people = [_person(crate, number, author) for number, author in enumerate(about.authors, 1)]
    if people:
        crate.root_dataset["author"] = people if people[1:] else people[0]
    software = {"@type": "SoftwareApplication", "name": COLLECTION, "version": VERSION, "url": HOME}
    crate.root_dataset["mentions"] = crate.add(ContextEntity(crate, f"#{COLLECTION}", software))
    for name, (size, sha256) in sorted(files.items()):
        media_type, description = _kind(name)
        crate.add_file(
            dest_path=name,
            properties={
                "name": name,
                "description": description,
                "encodingFormat": media_type,
                "contentSize": str(size),
                "sha256": sha256,
            },
        )
    return json.dumps(crate.metadata.generate(), indent=1, sort_keys=True) + "\n"


def _person(crate: Any, number: int, author: Mapping[str, str | None]) -> Any:
    """Return an author as an entity of the crate."""
    orcid = author.get("orcid")
    if orcid and not _ORCID.fullmatch(orcid):
        raise InstrumentError(f"The orcid of {author['name']} is '{orcid}', but must be like 0000-0002-1825-0097.")
    name = f"https://orcid.org/{orcid[-19:]}" if orcid else f"#author-{number}"
    person = crate.add(ContextEntity(crate, name, {"@type": "Person", "name": author["name"]}))
    if author.get("affiliation"):
        employer = {"@type": "Organization", "name": author["affiliation"]}
        person["affiliation"] = crate.add(ContextEntity(crate, f"#affiliation-{number}", employer))
    return person


def _description(records: Sequence[Record], title: str) -> str:
    """Return in a sentence or two what was measured."""
    strategies = sorted({record["scenario"]["strategy"]["name"] for record in records})
    valid = sum(record["valid"] for record in records)
    words = f"{len(records)} measured live migrations of virtual machines, {valid} of them valid"
    words += f", by {', '.join(strategies)}." if strategies else "."
    return f"{title}. {words}" if title else words


def _kind(name: str) -> tuple[str, str]:
    """Return a file's media type and what it is."""
    for pattern, kind in KINDS.items():
        if fnmatch.fnmatchcase(name, pattern):
            return kind
    return "application/octet-stream", "Laid there by the site"


def contents(text: str) -> dict[str, Any]:
    """Return the entities of a crate's metadata by their name; raises InstrumentError unless it describes a crate."""
    try:
        graph = {str(entity["@id"]): entity for entity in json.loads(text)["@graph"]}
        root = graph[METADATA]["about"]["@id"]
        return {"": graph[root], **graph}
    except (ValueError, KeyError, TypeError):
        raise InstrumentError(f"{METADATA} does not describe an RO-Crate: get the bundle again.") from None
