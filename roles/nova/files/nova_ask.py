# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Ask Nova itself what its options would be, with Nova's own Python; nothing is changed.

Reads one JSON object on standard input: files (what nova-compute reads, in its order), block (lines that would stand at
the end of the last one), marker (around what stands there already), names (options as SECTION.NAME) and
in_force (values that the running service is known to have, or null: those of the files).
Prints one JSON object:
  before, after  values of those options that this Nova has, as they are and as they would be
  changed        whether the last file would be another one
  differing      options that would not be what they are in the running service
  differences    the same for a person: NAME: OLD -> NEW
  problems       what is wrong with the block: in Nova's words, or in those of oslo-config-validator
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nova.conf
from oslo_config import cfg


def values(files: list[str], names: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The options' values by name, and what Nova says of those that are wrong."""
    arguments = [word for file in files for word in ("--config-file", file)]
    found: dict[str, Any] = {}
    problems: list[str] = []
    try:
        nova.conf.CONF(arguments, project="nova")
    except cfg.Error as error:
        return found, [str(error)]
    for full in names:
        section, name = full.split(".")
        try:
            group = nova.conf.CONF if section == "DEFAULT" else getattr(nova.conf.CONF, section)
            found[name] = getattr(group, name)
        except cfg.NoSuchOptError:
            continue
        except (cfg.Error, ValueError) as error:
            problems.append(str(error))
    return found, problems


def validate(text: str) -> list[str]:
    """What the validator of options finds in the block alone; the rest of the file is the site's."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        command = ["oslo-config-validator", "--namespace", "nova.conf", "--input-file", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = [line.split("oslo_config.validator", 1)[-1].strip() for line in done.stdout.splitlines()]
    wrong = [line for line in found if "not part of the sample config" in line or "not found in" in line]
    return wrong or ([found[-1]] if done.returncode and found else [])


def main() -> None:
    """Read the request, look, print."""
    request = json.load(sys.stdin)
    *others, last = request["files"]
    text = Path(last).read_text(encoding="utf-8")
    begin, end = (re.escape(request["marker"].format(mark=mark)) for mark in ("BEGIN", "END"))
    rest = re.sub(rf"^{begin}$.*?^{end}\n?", "", text, flags=re.S | re.M)
    block = request["block"]
    wanted = rest
    if block:
        first, final = (request["marker"].format(mark=mark) for mark in ("BEGIN", "END"))
        wanted = rest + ("" if rest.endswith("\n") or not rest else "\n") + f"{first}\n{block}\n{final}\n"
    before, _ignored = values(request["files"], request["names"])
    # Beside the file itself, so that whoever may read that may read this: nobody else.
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as candidate:
        candidate.write(wanted)
        candidate.flush()
        after, problems = values([*others, candidate.name], request["names"])
    problems += validate(block) if block else []
    in_force = request["in_force"] or before
    differing = sorted(name for name in after if after[name] != in_force.get(name))
    answer = {
        "before": before,
        "after": after,
        "changed": wanted != text,
        "differing": differing,
        "differences": [f"{name}: {in_force.get(name)} -> {after[name]}" for name in differing],
        "problems": problems,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
