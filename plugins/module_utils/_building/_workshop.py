# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""The place of one build: its folders, and its steps, which are logged, watched and ended with the build."""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._building._errors import BuildError
from ansible_collections.stsm.live_migration.plugins.module_utils._building._progress import Progress

_TAIL_LINES = 25
_LOOK_SECONDS = 1.0
# However the module ends, nothing of a step outlives it: the step is the first process of a namespace of its own.
_ENDS_WITH_ITS_PARENT = ("setpriv", "--pdeathsig=KILL", "--", "unshare", "--pid", "--fork", "--kill-child", "--")
_CCACHE_SIZE = "5G"
# Compilers that are called by these names come from the cache of compilations.
_CCACHE_PATH = "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Workshop:
    """Where one component is built.

    `tree` holds the patched source, `further(name)` another one that the recipe needs; `build`, `install` and
    `packages` are empty at first, and what lies in `packages` at the end is the result. The folders of a digest are
    always the same, so that paths in binaries are. `version` is the source's, `digest` that of all inputs (12
    hexadecimal digits), `jobs` how many compilers may run at once, `epoch` the time (seconds since 1970) that stands
    for now in all that is built.
    """

    folder: Path
    ccache: Path
    version: str
    digest: str
    jobs: int
    epoch: int
    lock: int
    say: Callable[[str], None]

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def further(self, name: str) -> Path:
        return self.folder / "further" / name / "tree"

    @property
    def build(self) -> Path:
        return self.folder / "build"

    @property
    def install(self) -> Path:
        return self.folder / "install"

    @property
    def packages(self) -> Path:
        return self.folder / "packages"

    @property
    def log(self) -> Path:
        return self.folder / "build.log"

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        objects: int | None = None,
        what: str = "",
    ) -> str:
        """Run one step and return what it printed; BuildError with the end of that if it fails.

        `objects` is how many a step of kbuild makes, if it is known; `what` names the step for those who watch.
        """
        name = what or Path(argv[0]).name
        progress = Progress(name, self.say, objects)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {shlex.join(argv)}\n")
            process = subprocess.Popen(
                [*_ENDS_WITH_ITS_PARENT, *argv],
                cwd=str(cwd),
                env=self._environment(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(self.lock,),
                text=True,
                errors="replace",
            )
            try:
                lines = self._follow(process, progress, log)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        output = "".join(lines)
        if process.returncode != 0:
            tail = "".join(lines[-_TAIL_LINES:])
            raise BuildError(f"{name} failed with status {process.returncode}, the whole log is {self.log}", tail)
        return output

    def _follow(self, process: subprocess.Popen[str], progress: Progress, log: IO[str]) -> list[str]:
        """Write the output down as it comes, and tell of it while none comes."""
        lines: list[str] = []
        arriving: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read_into, args=(process.stdout, arriving), daemon=True)
        reader.start()
        ended = False
        while not ended:
            try:
                line = arriving.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                line = ""
            ended = line is None
            if line:
                log.write(line)
                log.flush()
                lines.append(line)
                progress.read(line)
            progress.tell_when_due()
        process.wait()
        return lines

    def _environment(self, further: Mapping[str, str]) -> dict[str, str]:
        fixed = {
            "PATH": _CCACHE_PATH,
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "TZ": "UTC",
            "CCACHE_DIR": str(self.ccache),
            "CCACHE_MAXSIZE": _CCACHE_SIZE,
            # A tree of another digest lies elsewhere, and its objects are the same all the same.
            "CCACHE_BASEDIR": str(self.folder),
            "CCACHE_NOHASHDIR": "1",
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "NINJA_STATUS": "[%f/%t] ",
        }
        kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return {**kept, **fixed, **further}


def _read_into(stream: IO[str] | None, arriving: queue.Queue[str | None]) -> None:
    for line in stream or ():
        arriving.put(line)
    arriving.put(None)
